"""A command that is killed again and again ends as one that was left alone."""

import contextlib
import os
import pathlib
import random
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time

import keras
import numpy as np
import pytest

import keras_refcal  # noqa: F401  its classes are looked up when a model is loaded

HERE = pathlib.Path(__file__).parent
KILLS = 20
STATUS = {signal.SIGKILL: -9, signal.SIGINT: 130, signal.SIGTERM: 143}
COMMON = {"dataset": "digits", "seeds": 0, "epochs": 4, "classifier_epochs": 2}
COMMANDS = {
    "train": {"method": "refcal_two_stage", "baseline": "cross_entropy"},
    "sweep": {"recipes": "refcal_two_stage,crl", "validation": 0.2},
}


class Runner:
    """Runs a command in new processes that need not import anything."""

    def __init__(self, log):
        self.server = subprocess.Popen(
            [sys.executable, HERE / "forking_script.py"],
            env={
                **os.environ,
                "PYTHONPATH": str(HERE.parents[1]),
                "OMP_NUM_THREADS": "1",
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )

    def run(self, command, output_dir, seconds=None, sent=signal.SIGKILL):
        """Returns the exit status of a process that gets a signal after a time."""
        flags = {**COMMON, **COMMANDS[command], "output_dir": output_dir}
        words = [command, *(f"--{name}={value}" for name, value in flags.items())]
        self.server.stdin.write(shlex.join(words) + "\n")
        self.server.stdin.flush()
        process = self._read("process")
        timer = threading.Timer(seconds or 3600, self._kill, [process, sent])
        timer.start()
        status = self._read("status")
        timer.cancel()
        return status

    def close(self):
        self.server.stdin.close()
        self.server.wait()

    @staticmethod
    def _kill(process, sent):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, sent)

    def _read(self, word):
        for line in self.server.stdout:
            if line.startswith(f"{word} "):
                return int(line.split()[1])
        raise RuntimeError("The process that starts others has ended.")


def predictions_and_weights(output_dir):
    for path in sorted(output_dir.glob("*/seed-0")):
        with np.load(path / "predictions.npz") as file:
            yield file["probabilities"]
        yield from keras.saving.load_model(path / "model.keras").get_weights()


def strays(output_dir):
    """Returns files that no finished run holds."""
    return [path for path in output_dir.rglob(".*") if path.is_file()]


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_kill_at_random_moments(command, tmp_path):
    whole, cut, log = (tmp_path / name for name in ("whole", "cut", "log"))
    with open(log, "w") as file:
        runner = Runner(file)
        started = time.time()
        assert runner.run(command, whole) == 0, log.read_text()[-3000:]
        length = time.time() - started
        expected = list(predictions_and_weights(whole))
        assert len(expected) > 20
        generator = random.Random(0)
        kills = finished = 0
        while kills < KILLS or not finished:
            sent = generator.choice([*STATUS])
            seconds = generator.uniform(0.05, 0.7) * length
            status = runner.run(command, cut, seconds, sent)
            if status == STATUS[sent]:
                kills += 1
                if sent != signal.SIGKILL:
                    assert not strays(cut)
                continue
            assert status == 0, log.read_text()[-3000:]
            found = predictions_and_weights(cut)
            for ours, theirs in zip(found, expected, strict=True):
                np.testing.assert_array_equal(ours, theirs)
            assert not strays(cut)
            finished += 1
            shutil.rmtree(cut)
        runner.close()
    print(f"{kills} kills, {finished} times finished")
