import numpy as np
import pytest
from golden_cases import assert_matches, inputs, parameters
from gradients import value_and_gradient
from random_predictions import draw

from keras_refcal.losses import MDCALoss


@pytest.mark.parametrize(("case", "check"), parameters("mdca"))
def test_matches_golden(case, check):
    data = inputs(case)
    loss = MDCALoss(from_logits=True)
    value, (gradient,) = value_and_gradient(
        lambda logits: loss(data["labels"], logits), data["logits"]
    )
    assert_matches(case, check, value=value, grad_logits=gradient)


def test_is_the_mean_over_classes_of_the_gap():
    labels, probabilities = draw(0, 20, 5, "float32")
    frequency = np.bincount(labels, minlength=5) / 20
    expected = np.abs(probabilities.mean(axis=0) - frequency).mean()
    assert float(MDCALoss()(labels, probabilities)) == pytest.approx(expected, rel=1e-5)


def test_weight_two_equals_a_row_given_twice():
    labels, probabilities = draw(1, 10, 3, "float32")
    weight = np.array([2.0] + [1.0] * 9, "float32")
    value = MDCALoss()(labels, probabilities, weight)
    rows = np.r_[0, 0:10]
    expected = MDCALoss()(labels[rows], probabilities[rows])
    assert float(value) == pytest.approx(float(expected), rel=1e-5)
