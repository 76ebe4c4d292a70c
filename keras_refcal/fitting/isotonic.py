"""Isotonic regression: the non-decreasing map of least squared error."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Blocks:
    """A map that is level over blocks of neighbouring scores.

    Attributes:
        values: Ascending, shape `(b,)`.
        masses: Weight of each block, shape `(b,)`.
        firsts: Lowest score of each block, shape `(b,)`.
        lasts: Highest score of each block, shape `(b,)`.
    """

    values: np.ndarray
    masses: np.ndarray
    firsts: np.ndarray
    lasts: np.ndarray

    def knots(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns the ends of the blocks, ascending scores, and their values."""
        several = self.firsts < self.lasts
        ends = np.stack([self.firsts, self.lasts], axis=1)
        kept = np.stack([np.ones_like(several), several], axis=1)
        return ends[kept], np.repeat(self.values, 1 + several)


def isotonic_blocks(scores, targets, weights) -> Blocks:
    """Returns the non-decreasing map of scores to targets.

    Pools adjacent violators; equal scores share one value.

    Args:
        scores: Shape `(n,)`.
        targets: Shape `(n,)`.
        weights: Positive, shape `(n,)`.

    >>> isotonic_blocks(np.array([0.1, 0.2, 0.3]), np.array([0, 1, 0]), np.ones(3)).knots()
    (array([0.1, 0.2, 0.3]), array([0. , 0.5, 0.5]))
    """  # noqa: E501
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
    values, masses, firsts = map(np.array, zip(*blocks, strict=True))
    lasts = np.append(firsts[1:], len(distinct)) - 1
    return Blocks(values, masses, distinct[firsts], distinct[lasts])


def merged(blocks, most) -> Blocks:
    """Returns at most `most` blocks, merging the neighbours that cost the least.

    A merged block has the mean of both; that adds the cost to the squared error. The
    first and the last block stay if there are others: scores beyond the samples have
    their values.

    Args:
        blocks: `Blocks`.
        most: Whole number of 1 or more.
    """
    values, masses = blocks.values, blocks.masses
    firsts, lasts = blocks.firsts, blocks.lasts
    while len(values) > most:
        both = masses[:-1] + masses[1:]
        cost = masses[:-1] * masses[1:] / both * np.diff(values) ** 2
        if len(cost) > 2:
            cost[[0, -1]] = np.inf
        left = np.argmin(cost)
        mean = np.average(values[left : left + 2], weights=masses[left : left + 2])
        values, masses = np.delete(values, left), np.delete(masses, left)
        values[left], masses[left] = mean, both[left]
        firsts, lasts = np.delete(firsts, left + 1), np.delete(lasts, left)
    return Blocks(values, masses, firsts, lasts)


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
