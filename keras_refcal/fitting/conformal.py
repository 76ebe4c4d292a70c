"""Conformal scores in NumPy, and the threshold that makes them cover."""

import math

import numpy as np

# Share of a score that rounding may add in another program, an exported one say.
ROUNDING = 1e-5


def conformal_threshold(scores, coverage) -> float | None:
    """Returns the score that a new one exceeds with a probability of `1 - coverage`.

    It is the order statistic of rank `ceil((n + 1) * coverage)`, a little higher for
    rounding; `None` where n is too small to have that rank.

    Args:
        scores: Of the true classes of n validation samples.
        coverage: Number in (0, 1).

    >>> round(conformal_threshold([-0.4, -0.1, -0.2, -0.3], 0.6), 3)
    -0.2
    """
    rank = math.ceil((len(scores) + 1) * coverage - 1e-9)
    if rank > len(scores):
        return None
    found = float(np.sort(scores)[rank - 1])
    return found + ROUNDING * abs(found)


def fewest_samples(coverage) -> int:
    """Returns how many validation samples a threshold for a coverage needs.

    >>> fewest_samples(0.9)
    9
    """
    return math.ceil(coverage / (1 - coverage) - 1e-9)


def conformal_scores(probabilities, score, rank_penalty=0.01, free_ranks=5):
    """Returns what `decisions.ConformalSets.scores` does, as a NumPy array.

    Args:
        probabilities: Shape `(n, num_classes)`.
        score: `"thr"`, `"aps"` or `"raps"`.
        rank_penalty: Number of 0 or more.
        free_ranks: Whole number of 0 or more.
    """
    if score == "thr":
        return -probabilities
    order = np.argsort(probabilities, axis=1, kind="stable")
    after = np.cumsum(np.take_along_axis(probabilities, order, axis=1), axis=1)
    of_place = -np.pad(after[:, :-1], [[0, 0], [1, 0]])
    if score == "raps":
        ranks = np.arange(probabilities.shape[1], 0, -1)
        of_place = of_place + rank_penalty * np.maximum(ranks - free_ranks, 0)
    scores = np.empty_like(of_place)
    np.put_along_axis(scores, order, of_place, axis=1)
    return scores
