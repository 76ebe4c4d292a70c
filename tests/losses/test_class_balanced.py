"""Class weights: their golden values, and when they start."""

import keras
import numpy as np
import pytest
from golden_cases import assert_matches, inputs, parameters
from gradients import value_and_gradient
from random_predictions import draw

from keras_refcal.losses import ClassBalancedLoss, FocalLoss, LDAMLoss
from keras_refcal.ops.class_counts import effective_number_weights


def golden():
    return [
        p
        for p in parameters("ldam", "weighted_ce")
        if "drw_beta" in p.values[1]["params"]
    ]


@pytest.mark.parametrize(("case", "check"), golden())
def test_matches_golden(case, check):
    data, options = inputs(case), check["params"]
    inner = "cross_entropy"
    if check["kind"] == "ldam":
        inner = LDAMLoss(data["class_counts"], options["max_m"], options["s"])
    loss = ClassBalancedLoss(
        data["class_counts"], inner, options["drw_beta"], from_logits=True
    )
    value, (gradient,) = value_and_gradient(
        lambda z: loss(data["labels"], z), data["logits"]
    )
    assert_matches(case, check, value=value, grad_logits=gradient)


def test_deferred_weights_start_when_told():
    labels, probabilities = draw(0, 20, 3)
    counts = [500, 50, 5]
    loss = ClassBalancedLoss(counts, "focal", 0.99, deferred=True)
    plain = float(FocalLoss()(labels, probabilities))
    assert float(loss(labels, probabilities)) == pytest.approx(plain, rel=1e-6)
    loss.start()
    values = keras.ops.convert_to_numpy(
        FocalLoss(reduction="none")(labels, probabilities)
    )
    weights = effective_number_weights(counts, 0.99)[labels]
    expected = np.average(values, weights=weights)
    assert float(loss(labels, probabilities)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("beta", [0, 0.9, 0.999999999])
def test_weights_go_from_equal_to_inverse_frequency(beta):
    weights = effective_number_weights([1000, 10], beta)
    assert weights.sum() == pytest.approx(2)
    ratio = {0: 1, 0.9: (1 - 0.9**1000) / (1 - 0.9**10), 0.999999999: 100}[beta]
    assert weights[1] / weights[0] == pytest.approx(ratio, rel=1e-4)


def test_rejects_wrong_arguments():
    with pytest.raises(ValueError, match=r"`beta` must be a number in \[0, 1\)"):
        ClassBalancedLoss([5, 1], beta=1.0)
    with pytest.raises(ValueError, match="`loss` must be a classification loss"):
        ClassBalancedLoss([5, 1], "mdca")
    with pytest.raises(ValueError, match="must fit the 3 classes"):
        ClassBalancedLoss([5, 1])(np.array([0]), np.full((1, 3), 1 / 3))
