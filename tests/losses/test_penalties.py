"""Penalties of a batch against golden values and plain loops."""

import numpy as np
import pytest
from golden_cases import assert_matches, inputs, parameters
from gradients import value_and_gradient
from keras import ops
from random_predictions import draw, softmax

from keras_refcal import losses


def mmce(**options):
    return losses.MMCELoss(**options, from_logits=True)


def with_base(classification, calibration, beta):
    return losses.RefCalLoss(classification, calibration, None, beta, from_logits=True)


def smoothed(alpha, spread):
    return losses.CrossEntropyLoss(alpha, spread)


VARIANTS = {"double": "published", "single": "paper"}
LOSSES = {
    "mdca": lambda: losses.MDCALoss(from_logits=True),
    "dca": lambda: losses.DCALoss(from_logits=True),
    "mmce": lambda squared: mmce(
        weighted=False, variant="published" if squared else "paper"
    ),
    "mmce_weighted": lambda normalisation: mmce(variant=VARIANTS[normalisation]),
    "ce_mdca": lambda beta: with_base("cross_entropy", "mdca", beta),
    "ce_dca": lambda beta: with_base("cross_entropy", "dca", beta),
    "ce_mmce": lambda beta: with_base("cross_entropy", "mmce", beta),
    "focal_mdca": lambda gamma, beta: with_base(losses.FocalLoss(gamma), "mdca", beta),
    "ls_mdca": lambda alpha, beta, spread: with_base(
        smoothed(alpha, spread), "mdca", beta
    ),
}


@pytest.mark.parametrize(
    ("case", "check"), parameters(*LOSSES, variants=("reference", "paper"))
)
def test_matches_golden(case, check):
    data = inputs(case)
    loss = LOSSES[check["kind"]](**check["params"])
    value, (gradient,) = value_and_gradient(
        lambda logits: loss(data["labels"], logits), data["logits"], jit="quick"
    )
    assert_matches(case, check, value=value, grad_logits=gradient)


@pytest.mark.parametrize("weighted", [True, False])
def test_weight_two_is_a_row_given_twice_for_the_papers_mmce(weighted):
    labels, probabilities = draw(0, 12, 3)
    loss = losses.MMCELoss(weighted, variant="paper")
    weight = np.array([2.0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2])
    twice = [*range(12), 0, 11]
    assert float(loss(labels, probabilities, weight)) == pytest.approx(
        float(loss(labels[twice], probabilities[twice])), rel=1e-5
    )


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("zeros", [[-0.0, 0.0], [0.0, -0.0], [0, 1e-42]])
def test_the_first_of_equal_logits_is_predicted(zeros, jit):
    labels, logits = np.array([0, 1]), np.array([zeros, [1, 2]], "float32")
    loss = losses.DCALoss(from_logits=True)
    value, _ = value_and_gradient(lambda z: loss(labels, z), logits, jit=jit)
    confidence = (0.5 + 1 / (1 + np.exp(-1))) / 2
    assert value == pytest.approx(1 - confidence, rel=1e-5)
    crl = losses.CorrectnessRankingLoss(2, from_logits=True)
    crl.update_state(np.array([[0, 0], [1, 1]]), logits)
    assert np.array(ops.convert_to_numpy(crl.history.correct)).tolist() == [1, 1]


def auc_margin_by_loops(labels, scores, margin):
    values = []
    for c in np.unique(labels):
        own, other = scores[labels == c, c], scores[labels != c, c]
        if len(other):
            gap = max(0, margin + other.mean() - own.mean())
            values.append(own.var() + other.var() + gap**2)
    return np.mean(values)


@pytest.mark.parametrize("margin", [0.3, 1.0])
@pytest.mark.parametrize("present", [3, 5])
def test_auc_margin_matches_loops(margin, present):
    generator = np.random.default_rng(present)
    labels = generator.integers(0, present, 20)
    logits = generator.normal(size=(20, 5)) * 2
    loss = losses.AUCMarginLoss(margin, from_logits=True)
    expected = auc_margin_by_loops(labels, softmax(logits), margin)
    assert float(loss(labels, logits)) == pytest.approx(expected, rel=1e-5)


def test_auc_margin_is_the_saddle_point_of_the_min_max_problem():
    """Binary: min over a, b and max over alpha of the objective of the paper."""
    from scipy import optimize

    labels, probabilities = draw(3, 30, 2)
    scores = probabilities[:, 1]
    own, other = scores[labels == 1], scores[labels == 0]

    def objective(a, b, alpha):
        linear = 1 - own.mean() + other.mean()
        spread = np.mean((own - a) ** 2) + np.mean((other - b) ** 2)
        return spread + 2 * alpha * linear - alpha**2

    def worst(centres):
        best = optimize.minimize_scalar(
            lambda alpha: -objective(*centres, alpha), bounds=(0, 5), method="bounded"
        )
        return -best.fun

    expected = optimize.minimize(worst, x0=(0.5, 0.5)).fun
    found = float(losses.AUCMarginLoss()(labels, probabilities))
    assert found == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: losses.MMCELoss(variant="double"), "`variant` must be one of"),
        (lambda: losses.AUCMarginLoss(margin=0), "`margin` must be a positive"),
    ],
)
def test_rejects_wrong_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()
