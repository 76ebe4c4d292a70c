"""The contest of `benchmarks/cifar100_lt`, small: two recipes and one seed."""

import json

import pytest

from benchmarks import sheets
from benchmarks.cifar100_lt.__main__ import main

FLAGS = {
    "recipes": "refcal_plus,cross_entropy",
    "seeds": "0",
    "encoder": "fast_cnn",
    "epochs": "1",
    "classifier_epochs": "1",
    "batch_size": "128",
}


@pytest.mark.slow
def test_two_recipes_of_the_contest(tmp_path):
    if sheets.load("cifar100", "test") is None:
        pytest.skip("needs shared/data beside the checkout, or KERAS_REFCAL_SHARED")
    flags = FLAGS | {"output_dir": tmp_path}
    main(["cifar100_lt", *(f"--{name}={value}" for name, value in flags.items())])
    written = json.loads((tmp_path / "results.json").read_text())
    assert written["versions"]["keras"] and written["hardware"] and written["command"]
    assert "refcal_plus" in (tmp_path / "results.md").read_text()
    for recipe, forms in written["results"].items():
        assert [*forms] == ["as trained", "temperature", "balanced temperature"]
        assert written["wall_seconds"][recipe][0] > 0
        # Chance is 0.01; three epochs of 16x16 images reach 0.07 and more.
        assert forms["as trained"][0]["accuracy"] > 0.03
