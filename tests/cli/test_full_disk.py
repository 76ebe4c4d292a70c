"""A disk that is full: an error in a line, and nothing lost that was whole."""

import os
import pathlib
import resource
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).parent
SMALL = {"dataset": "digits", "method": "cross_entropy", "epochs": 1, "seeds": 0}


def run(output_dir, largest_file=resource.RLIM_INFINITY):
    """Trains in a new process in which no file grows beyond a number of bytes."""

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))

    flags = {**SMALL, "classifier_epochs": 1, "output_dir": output_dir}
    words = ["train", *(f"--{name}={value}" for name, value in flags.items())]
    return subprocess.run(
        [sys.executable, "-m", "keras_refcal", *words],
        env={**os.environ, "PYTHONPATH": str(HERE.parents[1])},
        preexec_fn=limit,
        capture_output=True,
        text=True,
    )


@pytest.mark.slow
def test_a_run_goes_on_when_there_is_room(tmp_path):
    full = run(tmp_path, largest_file=20_000)
    assert full.returncode == 1, full.stderr
    last = full.stderr.strip().splitlines()[-1]
    assert str(tmp_path) in last and "File too large" in last, full.stderr
    assert "Traceback" not in full.stderr
    left = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert not [name for name in left if name.startswith(".")], left
    again = run(tmp_path)
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "cross_entropy" / "seed-0" / "predictions.npz").exists()
