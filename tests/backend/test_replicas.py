"""On several devices losses, gradients and metrics are those of one device.

Whole and in micro-batches.
"""

import json
import pathlib
import re

import keras
import new_process
import pytest
from exported_losses import EXPORTED

HERE = pathlib.Path(__file__).parent
# One that compares neighbours in the batch and keeps a history, and all terms at once.
QUICK = ("CorrectnessRankingLoss", "RefCalLoss")
FOUR = pytest.param(4, marks=pytest.mark.slow)


def run(script, devices, *arguments):
    """Returns what a script prints, in as many processes as PyTorch needs."""
    count = processes(devices)
    done = new_process.run(HERE / script, devices, *arguments, processes=count)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def processes(devices):
    return devices if keras.backend.backend() == "torch" else 1


@pytest.mark.parametrize("devices", [2, FOUR])
def test_equals_one_device(devices):
    printed = run("replicas_script.py", devices)
    found = re.findall(r"GAPS (\{.*?\})", printed)
    assert len(found) == 2 * processes(devices), printed
    for gaps in map(json.loads, found):
        assert gaps["weights"] < 1e-5
        assert gaps["logs"] < 1e-4, "losses up to 10, in float32"
        assert gaps["judged"] < 1e-5


def check_losses(devices, names):
    printed = run("replicas_losses_script.py", devices, *names)
    found = re.findall(r"GAP (\S+) (\S+)", printed)
    # A mean and a sum; but on PyTorch, in a RefCalModel and in a plain model.
    forms = 2 if keras.backend.backend() == "torch" else 4
    assert len(found) == len(names) * forms * processes(devices), printed
    assert all(float(gap) < 1e-5 for _, gap in found), found


def test_losses_that_look_at_the_batch_equal_one_device():
    check_losses(2, QUICK)


@pytest.mark.slow
@pytest.mark.parametrize("devices", [2, 4])
def test_every_loss_equals_one_device(devices):
    check_losses(devices, list(EXPORTED))


@pytest.mark.skipif(keras.backend.backend() == "jax", reason="batches are global")
def test_rows_of_every_type_come_together():
    printed = run("types_script.py", 2)
    found = re.findall(r"ROWS (\w+) (.*)", printed)
    assert len(found) == 9 * processes(2), printed
    for dtype, rows in found:
        assert json.loads(rows) == [[0, 0], [1, 1]], dtype


def test_devices_see_views_of_their_own():
    printed = run("views_script.py", 2)
    # On JAX the batch is global.
    rows = 8 if keras.backend.backend() == "jax" else 16
    found = re.findall(r"DISTINCT (.*)", printed)
    assert found == [f"{rows} of {rows}"] * processes(2), printed


def test_two_stages_equal_one_device():
    printed = run("two_stage_script.py", 2)
    gaps = re.findall(r"GAP (\S+)", printed)
    assert len(gaps) == processes(2), printed
    assert all(float(gap) < 1e-5 for gap in gaps)


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="threads of Gloo")
def test_no_tensor_is_held_when_an_exchange_returns():
    assert re.findall(r"HELD (\d+)", run("exchange_script.py", 2)) == ["0", "0"]


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="rows of processes")
def test_processes_may_hold_different_numbers_of_rows():
    printed = run("uneven_script.py", 2)
    found = dict(re.findall(r"FOUND (\d) (\{.*?\})", printed))
    # Each of two processes computes the whole sum, so gradients are twice it; the
    # numbers of rows are exchanged once, then labels and rows.
    both = {"labels": [0, 1, 2, 0, 1], "rows": [0, 1, 1], "exchanges": 3}
    assert json.loads(found["0"]) == {**both, "gradient": [0]}
    assert json.loads(found["1"]) == {**both, "gradient": [2, 4]}


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="a layout of JAX")
def test_heads_divided_among_devices():
    printed = run("layout_script.py", 4)
    gaps = re.findall(r"GAP (\S+)", printed)
    assert len(gaps) == 3 and all(float(gap) < 1e-5 for gap in gaps)
    divided = re.findall(r"SHARDING \S+/(\w+/\w+) .*'model'", printed)
    assert set(divided) == {
        *("classifier/kernel", "classifier/bias"),
        *("hidden/kernel", "hidden/bias", "output/kernel"),
    }
