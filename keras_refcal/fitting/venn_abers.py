"""Venn-Abers predictors: isotonic regression with the new sample counted both ways."""

import numpy as np


def venn_abers(scores, targets, weights) -> tuple[np.ndarray, np.ndarray]:
    """Returns the distinct scores, ascending, and the probability at each.

    A sample of that score is added to the others with target 0 and with target 1;
    isotonic regression gives it `p0` and `p1`, and the probability is
    `p1 / (1 - p0 + p1)`, which has the least regret in log-loss whichever is right.

    Paper: Vovk et al. 2015, https://arxiv.org/abs/1511.00213, section 4.

    Args:
        scores: Shape `(n,)`.
        targets: 0 or 1, shape `(n,)`.
        weights: In samples, shape `(n,)`; the sample that is added counts 1.

    >>> scores, p = venn_abers(np.array([0.1, 0.9]), np.array([0.0, 1.0]), np.ones(2))
    >>> p.round(3)
    array([0.333, 0.667])
    """
    distinct, where = np.unique(scores, return_inverse=True)
    mass = np.bincount(where, weights)
    hits = np.bincount(where, weights * targets)
    if_one = _added(mass, hits)
    # With target 0: the same seen from the other side.
    if_zero = 1 - _added(mass[::-1], (mass - hits)[::-1])[::-1]
    return distinct, if_one / (1 - if_zero + if_one)


def coarsened(values, most) -> np.ndarray:
    """Returns values of which at most `most` differ.

    Where more do, those are averaged whose log-odds lie in the same of `most` equal
    steps.

    Args:
        values: Probabilities between 0 and 1, shape `(m,)`.
        most: Whole number of 2 or more.

    >>> coarsened(np.array([0.1, 0.11, 0.9]), 2).round(3)
    array([0.105, 0.105, 0.9  ])
    """
    if len(np.unique(values)) <= most:
        return values
    log_odds = np.log(values) - np.log1p(-values)
    low, high = log_odds.min(), log_odds.max()
    steps = np.minimum((log_odds - low) / (high - low) * most, most - 1).astype("int64")
    count = np.maximum(np.bincount(steps, minlength=most), 1)
    return (np.bincount(steps, values, minlength=most) / count)[steps]


def _added(mass, hits):
    """Returns the value that a sample of target 1 has, added to each of the scores.

    With points P of the sums of mass and of hits, isotonic regression is the slope of
    their greatest convex minorant. Added to score i, the sample moves the points up to
    i by (-1, -1). The slope at i is that of a line from a corner among those to the
    minorant of the points beyond; as i grows, both ends move to the right alone.
    """
    x = [0.0, *np.cumsum(mass).tolist()]
    y = [0.0, *np.cumsum(hits).tolist()]
    following = _next_corners(x, y)
    values = np.empty(len(mass))
    x0 = y0 = slope = 0.0
    end = 1
    for i in range(len(mass)):
        x1, y1 = x[i] - 1, y[i] - 1
        if i == 0 or y1 < y0 + slope * (x1 - x0):
            x0, y0 = x1, y1
            end = max(end, i + 1)
            slope = (y[end] - y0) / (x[end] - x0)
            while end < len(mass):
                further = following[end]
                steeper = (y[further] - y0) / (x[further] - x0)
                if steeper > slope:
                    break
                end, slope = further, steeper
        values[i] = slope
    return values


def _next_corners(x, y):
    """Returns for each point the corner that follows in the minorant from there on."""
    last = len(x) - 1
    following = [last] * len(x)
    for i in range(last - 2, -1, -1):
        corner = i + 1
        slope = (y[corner] - y[i]) / (x[corner] - x[i])
        while corner < last:
            further = following[corner]
            next_slope = (y[further] - y[i]) / (x[further] - x[i])
            if next_slope > slope:
                break
            corner, slope = further, next_slope
        following[i] = corner
    return following
