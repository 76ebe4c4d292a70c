"""The console script `keras-refcal`: finds the command and reports errors in a line."""

import contextlib
import importlib
import os
import signal
import sys
import threading

from absl import flags

from keras_refcal.terminal import say

# Keras tells the whole configuration of a model that it cannot load.
LONGEST_MESSAGE = 1000
TERMINATED = "terminated"
COMMANDS = {
    "train": "trains a method and its baseline, and writes figures and pictures",
    "sweep": "trains several recipes, seed by seed, and compares them",
    "calibrate": "fits a calibrator to a run and puts it into the saved model",
    "predict": "names the classes of new images or rows by a saved model",
    "evaluate": "judges saved predictions of any classifier",
    "report": "writes a page about run directories, every classifier in detail",
    "compare": "writes a page with classifiers beside each other",
    "data": "shows what is in a data set and in its long-tailed draw",
}


def main(argv=None):
    """Runs a command and returns the exit status.

    0 is success, 1 a failure that is told in one line, 2 a wrong use of the command,
    130 an interrupt, 143 a termination.
    """
    argv = sys.argv if argv is None else argv
    name, arguments = (argv[1:2] or [""])[0], argv[2:]
    if name in ("", "help", "--help", "-h"):
        print(_usage())
        return 0 if name else 2
    if name not in COMMANDS:
        return _fail(f"unknown command {name!r}\n\n{_usage()}", status=2)
    debug = "--debug" in arguments
    if not debug:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    arguments = [word for word in arguments if word != "--debug"]
    try:
        with _terminated_by_an_error():
            return _run(name, arguments)
    except KeyboardInterrupt as stopped:
        if debug:
            raise
        said = str(stopped) or "interrupted"
        status = 143 if said == TERMINATED else 130
        return _fail(f"{said}; the same command goes on", status)
    except Exception as error:
        if debug:
            raise
        return _fail(_one_line(error), status=1)


@contextlib.contextmanager
def _terminated_by_an_error():
    """Has SIGTERM, which clusters send, clean up as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_):
        raise KeyboardInterrupt(TERMINATED)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _run(name, arguments):
    command = importlib.import_module(f"keras_refcal.commands.{name}")
    flag_values = flags.FlagValues()
    command.define_flags(flag_values)
    if {"--help", "-h", "--helpfull"} & set(arguments):
        print(f"{command.__doc__}\n{flag_values.get_help()}")
        return 0
    try:
        positional = flag_values([f"keras-refcal {name}", *arguments])[1:]
    except flags.Error as error:
        message = f"{_spaced(error)}\nSee: keras-refcal {name} --help"
        return _fail(message, status=2)
    command.run(flag_values, positional)
    return 0


def _one_line(error):
    """Returns what an error says, in one line and safe for a terminal.

    Errors that speak to users are those of the package; any other is named.
    """
    text = _spaced(error)
    if not isinstance(error, ValueError | OSError | ImportError):
        text = f"{type(error).__name__}: {text} (--debug shows where)"
    if len(text) > LONGEST_MESSAGE:
        text = f"{text[:LONGEST_MESSAGE]} … (--debug shows all)"
    return text or type(error).__name__


def _usage():
    lines = [f"  {name:<10}{text}" for name, text in COMMANDS.items()]
    return "\n".join(
        [
            "Usage: keras-refcal COMMAND [--flags]",
            "",
            *lines,
            "",
            "keras-refcal COMMAND --help lists the flags of a command; --debug shows",
            "where an error came from.",
        ]
    )


def _fail(message, status):
    say(f"keras-refcal: {message}", file=sys.stderr)
    return status


def _spaced(error):
    return " ".join(str(error).split())
