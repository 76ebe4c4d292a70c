import os
import signal
import time

import new_process
import pytest

from keras_refcal.cli import COMMANDS, main


def test_usage_lists_the_commands(capsys):
    assert main(["keras-refcal", "--help"]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_every_command(name, capsys):
    assert main(["keras-refcal", name, "--help"]) == 0
    assert "--" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([], ""),
        (["trian"], "unknown command 'trian'"),
        (["train", "--datset=digits"], "datset"),
        (["train", "--dataset=digits"], "output_dir"),
        (["train", "--dataset=digits", "--output_dir=x", "--epochs=few"], "epochs"),
    ],
)
def test_wrong_use_exits_with_2(arguments, message, capsys):
    assert main(["keras-refcal", *arguments]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    "error, status, message",
    [
        (KeyboardInterrupt(), 130, "interrupted; the same command goes on"),
        (KeyError("x"), 1, "KeyError: 'x' (--debug shows where)"),
        (MemoryError(), 1, "MemoryError:  (--debug shows where)"),
        (ValueError("two\nlines \x1b[2J\udcff"), 1, r"two lines \x1b[2J\xff"),
    ],
)
def test_every_failure_is_one_line(monkeypatch, capsys, error, status, message):
    def fail(*_):
        raise error

    monkeypatch.setattr("keras_refcal.commands.data.run", fail)
    arguments = ["keras-refcal", "data", "describe", "--dataset=digits"]
    assert main(arguments) == status
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"keras-refcal: {message}")
    with pytest.raises(type(error)):
        main([*arguments, "--debug"])


def test_a_termination_is_told_in_a_line(monkeypatch, capsys):
    def fail(*_):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(60)

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr("keras_refcal.commands.data.run", fail)
    arguments = ["keras-refcal", "data", "describe", "--dataset=digits"]
    assert main(arguments) == 143
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "keras-refcal: terminated; the same command goes on"
    assert signal.getsignal(signal.SIGTERM) == before


def test_runs_as_a_module():
    code = "import runpy; runpy.run_module('keras_refcal', run_name='__main__')"
    done = new_process.run(code, "trian")
    assert done.returncode == 2
    assert "unknown command" in done.stderr
