"""Rankings of logits whose softmax is 0 or 1 in any precision."""

import logit_oracle
import numpy as np
import pytest
from metrics_streaming import stream

from keras_refcal import metrics

SCALES = [1, 20, 60, 200]


def predictions(num_classes, scale, seed=0, rows=768):
    """Returns labels and float32 logits of a classifier that is right by half."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, num_classes, rows)
    logits = generator.normal(size=(rows, num_classes))
    logits[np.arange(rows), labels] += 1
    return labels, (scale * logits).astype("float32")


METRICS = {
    "refinement": metrics.Refinement,
    "auroc_ovr": lambda **given: metrics.MulticlassAUROC("ovr", **given),
    "correctness_auroc": metrics.CorrectnessAUROC,
    "fpr_at_95_recall": metrics.FalsePositiveRateAtRecall,
    "aurc": metrics.AreaUnderRiskCoverage,
    "excess_aurc": metrics.ExcessAURC,
}


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("classes", [2, 5])
@pytest.mark.parametrize("name", METRICS)
def test_ranks_as_the_log_odds_do(name, classes, scale):
    labels, logits = predictions(classes, scale)
    metric = METRICS[name](from_logits=True)
    ours = stream(metric, labels, logits, 256)
    scores = logit_oracle.log_odds(logits)
    bound = metric.distance_bound()
    assert abs(ours - logit_oracle.figure(name, labels, scores)) <= bound
    # Of 768 rows; a wrong answer moves the rate at a recall by 0.003.
    assert bound < 0.012


@pytest.mark.parametrize("scale", [1, 60])
def test_likelihood_and_distance_equal_float64(scale):
    labels, logits = predictions(5, scale)
    probabilities = logit_oracle.probabilities(logits)
    distance = ((probabilities - np.eye(5)[labels]) ** 2).sum(axis=1)
    odds = logit_oracle.log_odds(logits)[np.arange(len(labels)), labels]
    nll = stream(metrics.NegativeLogLikelihood(from_logits=True), labels, logits, 256)
    brier = stream(metrics.BrierScore(from_logits=True), labels, logits, 256)
    assert nll == pytest.approx(np.logaddexp(0, -odds).mean(), rel=1e-6)
    assert brier == pytest.approx(distance.mean(), rel=1e-6)


@pytest.mark.parametrize("size", [6e4, 1e30])
def test_extreme_logits_are_ranked(size):
    labels = np.array([0, 1, 0, 1])
    logits = np.array([[size, 0], [0, size / 2], [0, size], [0, 0]], "float32")
    metric = metrics.CorrectnessAUROC(from_logits=True)
    metric.update_state(labels, logits)
    # The two wrong answers have the highest log-odds and the lowest.
    right, wrong = [size, size / 2], [size, 0]
    wins = np.mean([[(a > b) + (a == b) / 2 for b in wrong] for a in right])
    assert abs(float(metric.result()) - wins) <= metric.distance_bound()
