"""Every backend computes the same losses and reaches the same weights."""

import pathlib

import numpy as np
from models.ten_steps import run

REFERENCE = pathlib.Path(__file__).parents[1] / "golden" / "training_reference.npz"


def test_ten_steps_of_sgd():
    losses, weights = run()
    with np.load(REFERENCE) as expected:
        np.testing.assert_allclose(losses[0], expected["losses"][0], rtol=1e-5)
        np.testing.assert_allclose(losses, expected["losses"], rtol=1e-4)
        for number, weight in enumerate(weights):
            np.testing.assert_allclose(weight, expected[f"weight_{number}"], atol=1e-4)
    assert losses[-1] < losses[0]
