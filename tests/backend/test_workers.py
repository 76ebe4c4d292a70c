"""`MultiWorkerMirroredStrategy`: two processes that talk over the loopback device."""

import json
import os
import pathlib
import socket
import subprocess
import sys

import keras
import numpy as np
import pytest

HERE = pathlib.Path(__file__).parent


def start(output, **environment):
    return subprocess.Popen(
        [sys.executable, HERE / "workers_script.py", output],
        env={**os.environ, "PYTHONPATH": str(HERE.parents[1]), **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


@pytest.mark.slow
@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="a strategy of TensorFlow"
)
def test_two_workers_equal_one_process(tmp_path):
    workers = [f"127.0.0.1:{port}" for port in free_ports(2)]
    files = [tmp_path / f"{name}.npz" for name in ("alone", "worker-0", "worker-1")]
    running = [start(files[0])]
    for index in range(2):
        task = {"type": "worker", "index": index}
        config = {"cluster": {"worker": workers}, "task": task}
        running.append(start(files[1 + index], TF_CONFIG=json.dumps(config)))
    for process in running:
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors[-3000:]
    alone, *both = (np.load(file) for file in files)
    for worker in both:
        for name in alone.files:
            np.testing.assert_allclose(
                worker[name], alone[name], atol=1e-5, rtol=1e-5, err_msg=name
            )


def torchrun(*arguments):
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    script = HERE / "resume_script.py"
    return subprocess.run(
        [*launcher, "--nproc_per_node=2", script, *arguments],
        env={**os.environ, "PYTHONPATH": str(HERE.parents[1])},
        capture_output=True,
        text=True,
    )


@pytest.mark.slow
@pytest.mark.skipif(keras.backend.backend() != "torch", reason="torchrun of PyTorch")
def test_a_killed_process_is_named_and_the_job_resumes(tmp_path):
    whole = torchrun(tmp_path / "whole")
    assert whole.returncode == 0, whole.stderr[-3000:]
    killed = torchrun(tmp_path / "cut", "2")
    assert killed.returncode != 0
    assert "rank      : 1" in killed.stderr and "SIGKILL" in killed.stderr
    again = torchrun(tmp_path / "cut")
    assert again.returncode == 0, again.stderr[-3000:]
    assert "RESUMED 2" in again.stdout
    weights = [run.stdout.split("WEIGHTS")[1] for run in (whole, again)]
    assert weights[0] == weights[1]
