"""A sweep that is killed again and again ends as one that was left alone."""

import os
import pathlib
import random
import shutil
import subprocess
import sys
import time

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).parents[2]
KILLS = 20
RUNS = ("refcal_two_stage/seed-0", "crl/seed-0")


def start(output_dir):
    flags = {
        "dataset": "digits",
        "recipes": "refcal_two_stage,crl",
        "seeds": 0,
        "epochs": 12,
        "classifier_epochs": 6,
        "validation": 0.2,
        "output_dir": output_dir,
    }
    return subprocess.Popen(
        [sys.executable, "-m", "keras_refcal", "sweep"]
        + [f"--{name}={value}" for name, value in flags.items()],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def predictions(output_dir):
    for run in RUNS:
        with np.load(output_dir / run / "predictions.npz") as file:
            yield file["probabilities"]


@pytest.mark.slow
def test_kill_at_random_moments(tmp_path):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    started = time.time()
    assert start(whole).wait() == 0
    length = time.time() - started
    generator = random.Random(0)
    kills = finished = 0
    while kills < KILLS or not finished:
        process = start(cut)
        try:
            assert process.wait(generator.uniform(0.3, 0.9) * length) == 0
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            kills += 1
            continue
        for ours, theirs in zip(predictions(cut), predictions(whole), strict=True):
            np.testing.assert_array_equal(ours, theirs)
        finished += 1
        shutil.rmtree(cut)
    print(f"{kills} kills, {finished} sweeps finished")
