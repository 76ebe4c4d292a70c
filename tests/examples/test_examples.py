"""Every example runs as a script on the running backend, or on the one it names."""

import os
import pathlib
import re
import subprocess
import sys

import keras
import pytest

BACKENDS = ("tensorflow", "jax", "torch")
FOLDER = pathlib.Path(__file__).parents[2] / "examples"


def backend_named(path):
    return next((name for name in BACKENDS if path.stem.endswith(name)), None)


def examples():
    running = keras.backend.backend()
    return [
        path
        for path in sorted(FOLDER.glob("*.py"))
        if backend_named(path) in (running, None)
    ]


def command(path):
    if path.stem == "distributed_torch":
        launcher = ["-m", "torch.distributed.run", "--standalone"]
        return [sys.executable, *launcher, "--nproc_per_node=2", path]
    return [sys.executable, path]


@pytest.mark.parametrize("path", examples(), ids=lambda path: path.stem)
def test_runs(path, tmp_path):
    done = subprocess.run(
        command(path),
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(FOLDER.parent)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    accuracies = re.findall(r"accuracy:? (\d\.\d+)", done.stdout)
    assert float(accuracies[-1]) > 0.75, done.stdout[-2000:]
    assert not list(tmp_path.iterdir()), "examples leave no files"


def test_every_backend_has_a_quickstart():
    for name in BACKENDS:
        text = (FOLDER / f"quickstart_{name}.py").read_text()
        assert f'os.environ["KERAS_BACKEND"] = "{name}"' in text
