"""Kuiper and Kolmogorov-Smirnov statistics of calibration, and their p-values."""

import math
from typing import Any

import numpy as np


def kuiper_test(scores: Any, events: Any) -> tuple[float, float]:
    """Returns the Kuiper statistic of calibration, and its p-value.

    With samples in the order of their scores, the events so far less the scores so far,
    over n, stay near 0 if scores are probabilities. The statistic is the range of that
    path: the largest miscalibration of any interval of scores, times the share of the
    samples in it. No bins, and no bias that depends on them.

    Args:
        scores: Probabilities of the events, shape `(n,)`: of class 1, or confidences.
            Samples of equal score count together, so that their order does not matter.
        events: Whether each happened, shape `(n,)`.

    Returns:
        The statistic, 0 to 1, and the probability of one as large of a calibrated
        model: that of the range of a Brownian motion, for many samples.

    Reference:
        Arrieta-Ibarra et al., 2022, https://arxiv.org/abs/2205.09680.

    >>> statistic, p_value = kuiper_test([0.2, 0.4, 0.6], [0, 1, 1])
    >>> round(statistic, 4)
    0.3333
    """
    path, deviation = _path(scores, events)
    statistic = max(path.max(), 0.0) - min(path.min(), 0.0)
    return float(statistic), _p_value(statistic, deviation, range_tail)


def kolmogorov_smirnov_test(scores: Any, events: Any) -> tuple[float, float]:
    """Returns the Kolmogorov-Smirnov statistic of calibration, and its p-value.

    As `kuiper_test`, with the largest distance from 0 in place of the range, and that
    of a Brownian motion in place of its range: it sees errors of one sign best.

    >>> statistic, p_value = kolmogorov_smirnov_test([0.2, 0.4, 0.6], [0, 1, 1])
    >>> round(statistic, 4)
    0.2667
    """
    path, deviation = _path(scores, events)
    statistic = np.abs(path).max()
    return float(statistic), _p_value(statistic, deviation, maximum_tail)


def range_tail(x) -> float:
    """Returns the probability that a Brownian motion on [0, 1] has a range above x.

    Feller, 1951, https://doi.org/10.1214/aoms/1177729589.

    >>> round(range_tail(1.5957691216057308), 2)  # the mean range
    0.43
    """
    if x < 0.05:
        return 1.0
    ranks = range(1, math.ceil(10 / x) + 2)
    terms = (4 * (-1) ** (k - 1) * k * math.erfc(k * x / math.sqrt(2)) for k in ranks)
    return min(max(math.fsum(terms), 0.0), 1.0)


def maximum_tail(x) -> float:
    """Returns the probability that a Brownian motion on [0, 1] leaves [-x, x].

    >>> round(maximum_tail(2.2414027276), 2)
    0.05
    """
    if x < 0.05:
        return 1.0
    ranks = range(math.ceil(10 / x) + 2)
    terms = (2 * (-1) ** k * math.erfc((2 * k + 1) * x / math.sqrt(2)) for k in ranks)
    return min(max(math.fsum(terms), 0.0), 1.0)


def _path(scores, events):
    """Returns the sums of events less scores, over n, and their standard deviation."""
    scores, events = np.asarray(scores, "float64"), np.asarray(events, "float64")
    if scores.ndim != 1 or scores.shape != events.shape or not len(scores):
        raise ValueError(
            "`scores` and `events` must hold a number for each sample, shape (n,). "
            f"Received shapes: {scores.shape} and {events.shape}"
        )
    if not np.all((scores >= 0) & (scores <= 1)) or not np.isin(events, (0, 1)).all():
        raise ValueError("`scores` must lie in [0, 1], and `events` be 0 or 1.")
    order = np.argsort(scores, kind="stable")
    scores, events = scores[order], events[order]
    ends = np.append(scores[1:] != scores[:-1], True)
    path = np.cumsum(events - scores)[ends] / len(scores)
    return path, math.sqrt(np.sum(scores * (1 - scores))) / len(scores)


def _p_value(statistic, deviation, tail):
    if deviation > 0:
        return tail(statistic / deviation)
    return 1.0 if statistic == 0 else 0.0
