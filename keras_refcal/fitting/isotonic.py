"""Isotonic regression: the non-decreasing map of least squared error."""

import numpy as np


def isotonic_knots(scores, targets, weights) -> tuple[np.ndarray, np.ndarray]:
    """Returns the knots of the non-decreasing map of scores to targets.

    Pools adjacent violators; equal scores share one value. The map is linear between
    the knots and constant beyond the first and last, as in scikit-learn.

    Args:
        scores: Shape `(n,)`.
        targets: Shape `(n,)`.
        weights: Positive, shape `(n,)`.

    Returns:
        Ascending scores and non-decreasing values: the ends of each level block.

    >>> isotonic_knots(np.array([0.1, 0.2, 0.3]), np.array([0, 1, 0]), np.ones(3))
    (array([0.1, 0.2, 0.3]), array([0. , 0.5, 0.5]))
    """
    distinct, where = np.unique(scores, return_inverse=True)
    mass = np.bincount(where, weights)
    means = np.bincount(where, weights * targets) / mass
    blocks = []
    for position, (mean, weight) in enumerate(zip(means, mass, strict=True)):
        first = position
        while blocks and blocks[-1][0] >= mean:
            left_mean, left_weight, first = blocks.pop()
            total = left_weight + weight
            mean = (left_mean * left_weight + mean * weight) / total
            weight = total
        blocks.append((mean, weight, first))
    firsts = np.array([block[2] for block in blocks])
    lasts = np.append(firsts[1:], len(distinct)) - 1
    values = np.array([block[0] for block in blocks])
    ends = np.unique(np.concatenate([firsts, lasts]))
    return distinct[ends], values[np.searchsorted(firsts, ends, side="right") - 1]


def with_steps(knots, values, steepest) -> tuple[np.ndarray, np.ndarray]:
    """Returns the map with a step for each rise that is steeper than `steepest`.

    Between two neighbouring samples the data say nothing of the map, and a steep line
    makes much of rounding. The step lies in the middle, where it is farthest from
    both: their values stay.

    Args:
        knots: Ascending, shape `(m,)`, float32 so that a layer compares the same.
        values: Non-decreasing, shape `(m,)`.
        steepest: Rise of the values over that of the scores, above 0.

    Returns:
        Knots and values. A step is two equal knots, of which the first value holds at
        the knot itself.

    >>> knots = np.array([0.0, 1.0, 3.0], "float32")
    >>> with_steps(knots, np.array([0.0, 0.5, 0.6]), 0.25)
    (array([0.5, 0.5, 1. , 3. ], dtype=float32), array([0. , 0.5, 0.5, 0.6]))
    """
    steep = np.flatnonzero(np.diff(values) > steepest * np.diff(knots))
    middle = knots[steep] + (knots[steep + 1] - knots[steep]) / 2
    middle = np.where(middle < knots[steep + 1], middle, knots[steep])
    knots = np.insert(knots, np.repeat(steep + 1, 2), np.repeat(middle, 2))
    beside = np.stack([values[steep], values[steep + 1]], axis=1)
    values = np.insert(values, np.repeat(steep + 1, 2), beside.ravel())
    rises = np.diff(values) > 0
    needed = np.append(False, rises) | np.append(rises, False)
    needed[0] |= not rises.any()
    return knots[needed], values[needed]


def thinned(knots, values, most) -> tuple[np.ndarray, np.ndarray]:
    """Returns at most `most` of the knots, leaving out where the map bends least.

    Args:
        knots: Ascending, shape `(m,)`.
        values: Non-decreasing, shape `(m,)`.
        most: Whole number of 2 or more.
    """
    while len(knots) > most:
        share = (knots[1:-1] - knots[:-2]) / (knots[2:] - knots[:-2])
        straight = values[:-2] + share * (values[2:] - values[:-2])
        loss = np.abs(values[1:-1] - straight) * (knots[2:] - knots[:-2])
        surplus = len(knots) - most
        # Neighbours may not leave together: each was judged with the others there.
        drop = np.argsort(loss, kind="stable")[: max(1, surplus // 4)] + 1
        drop = drop[np.append(True, np.abs(np.diff(drop)) > 1)]
        knots, values = np.delete(knots, drop), np.delete(values, drop)
    return knots, values
