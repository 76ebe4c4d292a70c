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


def test_runs_as_a_module():
    code = "import runpy; runpy.run_module('keras_refcal', run_name='__main__')"
    done = new_process.run(code, "trian")
    assert done.returncode == 2
    assert "unknown command" in done.stderr
