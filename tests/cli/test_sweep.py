"""Several recipes on real digits, each with the state that its loss keeps."""

import json

import numpy as np
import pytest

from keras_refcal.cli import main
from keras_refcal.training.recipes import BASELINES

FLAGS = {
    "dataset": "digits",
    "epochs": 1,
    "classifier_epochs": 1,
    "batch_size": 128,
    "validation": 0.2,
}


def sweep(output_dir, recipes, seeds="0"):
    flags = FLAGS | {"output_dir": output_dir, "recipes": recipes, "seeds": seeds}
    return main(["keras-refcal", "sweep", *(f"--{k}={v}" for k, v in flags.items())])


def test_recipes_and_seeds_can_be_added(tmp_path, capsys):
    assert sweep(tmp_path, "crl") == 0
    model = (tmp_path / "crl" / "seed-0" / "model.keras").stat().st_mtime_ns
    capsys.readouterr()
    assert sweep(tmp_path, "crl,ldam_drw", seeds="0,1") == 0
    printed = capsys.readouterr().out
    assert "crl  seed 0  already done" in printed
    assert "crl  seed 1  end_to_end  epoch 3/3" in printed
    assert (tmp_path / "crl" / "seed-0" / "model.keras").stat().st_mtime_ns == model
    results = json.loads((tmp_path / "metrics.json").read_text())
    assert list(results["methods"]) == ["crl", "ldam_drw"]
    assert len(results["methods"]["crl"]["accuracy"]["seeds"]) == 2
    with np.load(tmp_path / "crl" / "seed-1" / "validation.npz") as validation:
        with np.load(tmp_path / "crl" / "seed-1" / "predictions.npz") as test:
            counts = validation["class_counts"]
            np.testing.assert_array_equal(counts, test["class_counts"])
        assert counts.sum() + len(validation["y_true"]) == 486


@pytest.mark.slow
def test_every_baseline_trains(tmp_path):
    assert sweep(tmp_path, ",".join(BASELINES)) == 0
    results = json.loads((tmp_path / "metrics.json").read_text())["methods"]
    assert {*results} == {*BASELINES}
    assert results["crl_as_published"]["accuracy"]["mean"] > 0.2
