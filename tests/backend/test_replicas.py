"""On several devices losses, gradients and metrics are those of one device.

Whole and in micro-batches.
"""

import json
import os
import pathlib
import re
import subprocess
import sys

import keras
import pytest

HERE = pathlib.Path(__file__).parent


@pytest.mark.parametrize("devices", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_equals_one_device(devices):
    command = [sys.executable]
    if keras.backend.backend() == "torch":
        command += ["-m", "torch.distributed.run", f"--nproc_per_node={devices}"]
        command += ["--standalone"]
    done = subprocess.run(
        [*command, HERE / "replicas_script.py", str(devices)],
        env={
            **os.environ,
            "KERAS_BACKEND": keras.backend.backend(),
            "PYTHONPATH": str(HERE.parents[1]),
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = re.findall(r"GAPS (\{.*?\})", done.stdout)
    processes = devices if keras.backend.backend() == "torch" else 1
    assert len(found) == 2 * processes, done.stdout
    for gaps in map(json.loads, found):
        assert gaps["weights"] < 1e-5
        assert gaps["logs"] < 1e-4, "losses up to 10, in float32"
        assert gaps["judged"] < 1e-5
