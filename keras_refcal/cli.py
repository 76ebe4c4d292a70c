"""The console script `keras-refcal`: finds the command and reports errors in a line."""

import importlib
import sys

from absl import flags

from keras_refcal.commands.terminal import say

COMMANDS = {
    "train": "trains a method and its baseline, and writes figures and pictures",
    "sweep": "trains several recipes, seed by seed, and compares them",
    "calibrate": "fits a calibrator to a run and puts it into the saved model",
    "evaluate": "judges saved predictions of any classifier",
    "report": "writes a page about run directories, every classifier in detail",
    "compare": "writes a page with classifiers beside each other",
    "data": "shows what is in a data set and in its long-tailed draw",
}


def main(argv=None):
    """Runs a command and returns the exit status.

    0 is success, 1 a failure that is told in one line, 2 a wrong use of the command.
    """
    argv = sys.argv if argv is None else argv
    name, arguments = (argv[1:2] or [""])[0], argv[2:]
    if name in ("", "help", "--help", "-h"):
        print(_usage())
        return 0 if name else 2
    if name not in COMMANDS:
        return _fail(f"unknown command {name!r}\n\n{_usage()}", status=2)
    command = importlib.import_module(f"keras_refcal.commands.{name}")
    flag_values = flags.FlagValues()
    command.define_flags(flag_values)
    if {"--help", "-h", "--helpfull"} & set(arguments):
        print(f"{command.__doc__}\n{flag_values.get_help()}")
        return 0
    try:
        positional = flag_values([f"keras-refcal {name}", *arguments])[1:]
    except flags.Error as error:
        return _fail(f"{_line(error)}\nSee: keras-refcal {name} --help", status=2)
    try:
        command.run(flag_values, positional)
    except (ValueError, OSError, ImportError) as error:
        return _fail(_line(error), status=1)
    except MemoryError as error:
        return _fail(f"not enough memory. {_line(error)}", status=1)
    return 0


def _usage():
    lines = [f"  {name:<10}{text}" for name, text in COMMANDS.items()]
    return "\n".join(
        [
            "Usage: keras-refcal COMMAND [--flags]",
            "",
            *lines,
            "",
            "keras-refcal COMMAND --help lists the flags of a command.",
        ]
    )


def _fail(message, status):
    say(f"keras-refcal: {message}", file=sys.stderr)
    return status


def _line(error):
    return " ".join(str(error).splitlines())
