"""Imports everything once, then runs each command it is told in a process of its own.

Each line of the input is a command's arguments, shell-quoted. Prints the number of the
process that runs it and, when that has ended, its exit status. What the command prints
goes to standard error: one that is killed may leave half a line.
"""

import importlib
import os
import shlex
import signal
import sys

from keras_refcal.backend.data_library import tensorflow
from keras_refcal.cli import main

for name in ("keras_refcal.training.train", "matplotlib.figure", "sklearn.datasets"):
    importlib.import_module(name)
tensorflow()
# A shell that starts processes in the background has them ignore it.
signal.signal(signal.SIGINT, signal.default_int_handler)

for line in sys.stdin:
    process = os.fork()
    if process == 0:
        status = 1
        os.dup2(2, 1)
        try:
            status = main(["keras-refcal", *shlex.split(line)])
        finally:
            os._exit(status)
    print("process", process, flush=True)
    _, status = os.waitpid(process, 0)
    print("status", os.waitstatus_to_exitcode(status), flush=True)
