"""A disk that is full or may not be written: an error in a line, and nothing lost."""

import ctypes
import os
import pathlib
import resource
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).parent
SMALL = {"dataset": "digits", "method": "cross_entropy", "epochs": 1, "seeds": 0}


def run(output_dir, prepare=None):
    """Trains in a new process, in which `prepare()` is called first."""
    flags = {**SMALL, "classifier_epochs": 1, "output_dir": output_dir}
    words = ["train", *(f"--{name}={value}" for name, value in flags.items())]
    return subprocess.run(
        [sys.executable, "-m", "keras_refcal", *words],
        env={**os.environ, "PYTHONPATH": str(HERE.parents[1])},
        preexec_fn=prepare,
        capture_output=True,
        text=True,
    )


def limit_files_to_20_kb():
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))


def obey_permissions():
    """Takes from root the right to write everywhere (CAP_DAC_OVERRIDE)."""
    if os.getuid() == 0:
        drop_from_bounding_set, dac_override = 24, 1
        ctypes.CDLL(None).prctl(drop_from_bounding_set, dac_override)


def assert_says(done, output_dir, reason):
    assert done.returncode == 1, done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert str(output_dir) in last and reason in last, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_run_goes_on_when_there_is_room(tmp_path):
    assert_says(run(tmp_path, limit_files_to_20_kb), tmp_path, "File too large")
    left = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert not [name for name in left if name.startswith(".")], left
    again = run(tmp_path)
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "cross_entropy" / "seed-0" / "predictions.npz").exists()


@pytest.mark.slow
def test_a_directory_that_may_not_be_written(tmp_path):
    output_dir = tmp_path / "runs"
    output_dir.mkdir(mode=0o555)
    assert_says(run(output_dir, obey_permissions), output_dir, "Permission denied")
    assert not list(output_dir.iterdir())
    output_dir.chmod(0o755)
    again = run(output_dir)
    assert again.returncode == 0, again.stderr
