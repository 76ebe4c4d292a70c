"""Failure prediction: does confidence tell right answers from wrong ones?

Right answers are the positives, the score is the confidence of the predicted class.
All areas are fractions, where papers often print AURC times 1000.
"""

import numpy as np

from keras_refcal.ops.division import divide


def risk_coverage_area(
    confidence, correct, method="prefix_mean", weights=None
) -> float:
    """Returns AURC, the area under the error rate against coverage.

    Paper: Geifman et al. 2019, https://arxiv.org/abs/1805.08206

    Args:
        confidence: Shape `(n,)`.
        correct: Booleans, shape `(n,)`.
        method: `"prefix_mean"`, the mean error rate of the k most confident samples
            over k, where equal confidences keep their order; `"expected"`, the mean
            of that over all orders of equal confidences; `"trapezoid"`, the area
            under the polygon through one point a distinct confidence (fd-shifts).
        weights: Above 0, shape `(n,)`: shares of coverage and of errors. `None` for 1
            each.
    """
    order = np.argsort(-confidence, kind="stable")
    wrong, weights = ~correct[order], None if weights is None else weights[order]
    if method == "prefix_mean":
        answered, errors = _running(wrong, weights)
        return float(np.average(errors / answered, weights=weights))
    answered, errors = _distinct(confidence[order], wrong, weights)
    if method == "expected":
        each, _ = _running(wrong, weights)
        errors = np.interp(each, answered, errors)
        return float(np.average(errors / each, weights=weights))
    risk = errors[1:] / answered[1:]
    return _trapezoid(np.append(risk[0], risk), answered / answered[-1])


def excess_risk_coverage_area(
    confidence, correct, method="prefix_mean", weights=None
) -> float:
    """Returns E-AURC, AURC minus that of a perfect ranking, `r + (1-r) ln(1-r)`.

    Args:
        confidence: Shape `(n,)`.
        correct: Booleans, shape `(n,)`.
        method: See `risk_coverage_area`.
        weights: See `risk_coverage_area`.
    """
    right = np.average(correct, weights=weights)
    best = 1 - right + (right * np.log(right) if right > 0 else 0.0)
    return float(risk_coverage_area(confidence, correct, method, weights) - best)


def generalized_risk_coverage_area(confidence, correct, weights=None) -> float:
    """Returns AUGRC, the area under answered errors over all samples.

    Paper: Traub et al. 2024, https://arxiv.org/abs/2407.01032

    Args:
        confidence: Shape `(n,)`.
        correct: Booleans, shape `(n,)`.
        weights: See `risk_coverage_area`.
    """
    order = np.argsort(-confidence)
    ordered = None if weights is None else weights[order]
    answered, errors = _distinct(confidence[order], ~correct[order], ordered)
    return _trapezoid(errors / answered[-1], answered / answered[-1])


def precision_recall_area(
    positive, scores, method="average_precision", weights=None
) -> float:
    """Returns the area under precision against recall; NaN without positives.

    Args:
        positive: Booleans, shape `(n,)`.
        scores: Shape `(n,)`; high for positives.
        method: `"average_precision"` sums steps, `"trapezoid"` joins the points,
            starting from precision 1 at recall 0.
        weights: Above 0, shape `(n,)`, or `None` for 1 each.
    """
    hits, misses = _operating_points(positive, scores, weights)
    if hits[-1] == 0:
        return np.nan
    recall = hits / hits[-1]
    precision = divide(hits, hits + misses, xp=np)
    if method == "average_precision":
        return float(np.diff(recall) @ precision[1:])
    precision[0] = 1.0
    return _trapezoid(precision, recall)


def false_positive_rate_at_recall(
    positive, scores, recall=0.95, rule="at_least", weights=None
) -> float:
    """Returns the false positive rate at a recall; NaN unless both kinds occur.

    Args:
        positive: Booleans, shape `(n,)`.
        scores: Shape `(n,)`; high for positives.
        recall: Wanted share of the positives.
        rule: `"at_least"`, at the first point with this recall; `"closest"`, at the
            corner of the ROC curve whose recall is closest (CRL, FMFP);
            `"fd_shifts"`, as `"at_least"` with the recall lowered by 0.0005.
        weights: Above 0, shape `(n,)`, or `None` for 1 each.
    """
    hits, misses = _operating_points(positive, scores, weights)
    if hits[-1] == 0 or misses[-1] == 0:
        return np.nan
    if rule == "closest":
        corners = _corners(hits, misses)
        distance = np.abs(hits[corners] / hits[-1] - recall)
        return float(misses[corners[np.argmin(distance)]] / misses[-1])
    wanted = recall - 0.0005 if rule == "fd_shifts" else recall
    return float(misses[np.argmax(hits / hits[-1] >= wanted)] / misses[-1])


def _operating_points(positive, scores, weights=None):
    """Returns accepted positives and negatives, from none to all samples."""
    order = np.argsort(-scores)
    ordered = None if weights is None else weights[order]
    accepted, hits = _distinct(scores[order], positive[order], ordered)
    return hits, accepted - hits


def _distinct(ordered_scores, events, weights=None):
    """Returns samples and events so far: 0, then after each distinct score."""
    changes = np.flatnonzero(ordered_scores[1:] != ordered_scores[:-1])
    last = np.append(changes, len(events) - 1)
    return [np.append(0, total[last]) for total in _running(events, weights)]


def _running(events, weights=None):
    """Returns samples and events up to each one, by weight."""
    if weights is None:
        return np.arange(1, len(events) + 1), np.cumsum(events)
    return np.cumsum(weights), np.cumsum(weights * events)


def _corners(hits, misses):
    """Returns the points that lie on no straight line between their neighbours."""
    bends = (np.diff(hits[1:], 2) != 0) | (np.diff(misses[1:], 2) != 0)
    if len(hits) < 4:
        return np.arange(len(hits))
    return np.flatnonzero(np.concatenate([[True, True], bends, [True]]))


def _trapezoid(heights, positions):
    return float(np.diff(positions) @ (heights[1:] + heights[:-1]) / 2)
