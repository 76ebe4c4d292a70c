"""Rankings of logits whose softmax is 0 or 1 in any precision."""

import numpy as np
import pytest
from metrics_streaming import stream

from keras_refcal import metrics
from keras_refcal.evaluation import ranking, selective

SCALES = [1, 20, 60, 200]


def predictions(num_classes, scale, seed=0, rows=768):
    """Returns labels and float32 logits of a classifier that is right by half."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, num_classes, rows)
    logits = generator.normal(size=(rows, num_classes))
    logits[np.arange(rows), labels] += 1
    return labels, (scale * logits).astype("float32")


def log_odds(logits):
    """Returns each class's logit over the log of the sum of the others' powers."""
    logits = logits.astype("float64")
    scores = np.empty_like(logits)
    for column in range(logits.shape[1]):
        others = np.delete(logits, column, axis=1)
        most = others.max(axis=1, keepdims=True)
        total = np.log(np.exp(others - most).sum(axis=1))
        scores[:, column] = logits[:, column] - most[:, 0] - total
    return scores


def one_vs_rest(labels, scores):
    classes = range(scores.shape[1])
    if len(classes) == 2:
        return ranking.binary_auroc(labels == 1, scores[:, 1])
    areas = [ranking.binary_auroc(labels == k, scores[:, k]) for k in classes]
    return np.mean(areas)


def one_vs_one(labels, scores):
    classes = range(scores.shape[1])
    if len(classes) == 2:
        return ranking.binary_auroc(labels == 1, scores[:, 1])
    areas = [
        ranking.binary_auroc(labels[rows] == a, scores[rows, a])
        for a in classes
        for b in classes
        if a != b
        for rows in [np.isin(labels, (a, b))]
    ]
    return np.mean(areas)


def exact(name, labels, logits):
    scores = log_odds(logits)
    if name == "refinement":
        return one_vs_one(labels, scores)
    if name == "auroc_ovr":
        return one_vs_rest(labels, scores)
    score, correct = scores.max(axis=1), logits.argmax(axis=1) == labels
    if name == "correctness_auroc":
        return ranking.binary_auroc(correct, score)
    if name == "fpr":
        return selective.false_positive_rate_at_recall(correct, score)
    if name == "aurc":
        return selective.risk_coverage_area(score, correct)
    return selective.excess_risk_coverage_area(score, correct)


METRICS = {
    "refinement": metrics.Refinement,
    "auroc_ovr": lambda **given: metrics.MulticlassAUROC("ovr", **given),
    "correctness_auroc": metrics.CorrectnessAUROC,
    "fpr": metrics.FalsePositiveRateAtRecall,
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
    bound = metric.distance_bound()
    assert abs(ours - exact(name, labels, logits)) <= bound
    # Of 768 rows; a wrong answer moves the rate at a recall by 0.003.
    assert bound < 0.012


@pytest.mark.parametrize("scale", [1, 60])
def test_likelihood_and_distance_equal_float64(scale):
    labels, logits = predictions(5, scale)
    wide = logits.astype("float64")
    most = wide.max(axis=1, keepdims=True)
    powers = np.exp(wide - most)
    log_sum = most[:, 0] + np.log(powers.sum(axis=1))
    rows = np.arange(len(labels))
    distance = powers / powers.sum(axis=1, keepdims=True) - np.eye(5)[labels]
    nll = stream(metrics.NegativeLogLikelihood(from_logits=True), labels, logits, 256)
    brier = stream(metrics.BrierScore(from_logits=True), labels, logits, 256)
    assert nll == pytest.approx(np.mean(log_sum - wide[rows, labels]), rel=1e-6)
    assert brier == pytest.approx(np.mean((distance**2).sum(axis=1)), rel=1e-6)


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
