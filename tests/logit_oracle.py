"""Figures that rank, in float64, from the log-odds of logits."""

import numpy as np

from keras_refcal.evaluation import ranking, selective


def log_odds(logits):
    """Returns each class's logit less the log of the sum of the others' powers."""
    logits = logits.astype("float64")
    scores = np.empty_like(logits)
    for column in range(logits.shape[1]):
        others = np.delete(logits, column, axis=1)
        most = others.max(axis=1, keepdims=True)
        total = np.log(np.exp(others - most).sum(axis=1))
        scores[:, column] = logits[:, column] - most[:, 0] - total
    return scores


def probabilities(logits):
    """Returns the softmax in float64."""
    logits = logits.astype("float64")
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def figure(name, labels, scores):
    """Returns a figure by `evaluate`'s name, or `auroc_ovr`, of scores `(n, K)`."""
    if name in ("refinement", "auroc_ovr"):
        return _area(labels, scores, one_vs_one=name == "refinement")
    score, correct = scores.max(axis=1), scores.argmax(axis=1) == labels
    if name == "correctness_auroc":
        return ranking.binary_auroc(correct, score)
    if name == "fpr_at_95_recall":
        return selective.false_positive_rate_at_recall(correct, score)
    area = {
        "aurc": selective.risk_coverage_area,
        "excess_aurc": selective.excess_risk_coverage_area,
    }[name]
    return area(score, correct, "expected")


def _area(labels, scores, one_vs_one):
    present = np.unique(labels)
    if len(present) < 2:
        return float("nan")
    if scores.shape[1] == 2:
        return ranking.binary_auroc(labels == 1, scores[:, 1])
    everything = np.ones(len(labels), bool)
    areas = []
    for one in present:
        rest = [np.isin(labels, (one, other)) for other in present if other != one]
        for rows in rest if one_vs_one else [everything]:
            areas.append(ranking.binary_auroc(labels[rows] == one, scores[rows, one]))
    return np.mean(areas)
