"""Conformal scores in NumPy, and the threshold that makes them cover."""

import math

import numpy as np

# Share of a score that rounding may add in another program, an exported one say.
ROUNDING = 1e-5
# Below every other score: that of a class that is in every set.
OF_TOP_CLASS = -1e9


def conformal_threshold(scores, coverage, weight=None) -> float | None:
    """Returns the score that a new one exceeds with a probability of `1 - coverage`.

    It is the order statistic of rank `ceil((n + 1) * coverage)`, a little higher for
    rounding; `None` where n is too small to have that rank. With weights it is the
    smallest score up to which they reach `coverage` of their sum and the largest.

    Args:
        scores: Of the true classes of n validation samples.
        coverage: Number in (0, 1).
        weight: Positive, shape `(n,)`; `None` for 1 each.

    >>> round(conformal_threshold([-0.4, -0.1, -0.2, -0.3], 0.6), 3)
    -0.2
    """
    if len(scores) == 0:
        return None
    weight = np.ones(len(scores)) if weight is None else np.asarray(weight)
    order = np.argsort(scores, kind="stable")
    reached = np.cumsum(weight[order] / weight.max())
    rank = np.searchsorted(reached, (reached[-1] + 1) * coverage - 1e-9)
    if rank == len(scores):
        return None
    found = float(np.asarray(scores)[order[rank]])
    return found + ROUNDING * abs(found)


def fewest_samples(coverage) -> int:
    """Returns how many validation samples a threshold for a coverage needs.

    >>> fewest_samples(0.9)
    9
    """
    return math.ceil(coverage / (1 - coverage) - 1e-9)


def class_shares(class_counts) -> np.ndarray:
    """Returns the share of each class, float32; a class without samples has one.

    >>> class_shares([3, 1]).tolist()
    [0.75, 0.25]
    """
    counts = np.maximum(class_counts, 1)
    return (counts / counts.sum()).astype("float32")


def may_be_empty(score, allow_empty) -> bool:
    """Returns whether sets may leave out the class of greatest probability.

    Args:
        score: `"thr"`, `"pas"`, `"aps"` or `"raps"`.
        allow_empty: Boolean; `None` allows it for `"thr"` and `"pas"`.
    """
    return score in ("thr", "pas") if allow_empty is None else allow_empty


def share_of_ties(scores, probabilities, threshold) -> float:
    """Returns the share of samples whose scores cannot be told from the threshold.

    0 for a single sample, which every threshold has. Where the threshold leaves in the
    top classes alone, those of the commonest probability, if they are most samples.

    Args:
        scores: Of the true classes of n validation samples.
        probabilities: Of the true classes, shape `(n,)`.
        threshold: What `conformal_threshold` returned.

    >>> scores = np.array([-0.9, -0.5, -0.5, -0.1])
    >>> share_of_ties(scores, -scores, conformal_threshold(scores, 0.5))
    0.5
    """
    tied = np.abs(scores - threshold) <= 2 * ROUNDING * abs(threshold)
    count, fewest = np.sum(tied), 2
    if threshold < OF_TOP_CLASS / 2:
        count = np.unique(probabilities[tied], return_counts=True)[1].max()
        fewest = max(2, len(scores) / 2)
    return float(count / len(scores)) if count >= fewest else 0.0


def coverage_to_expect(scores, threshold) -> float:
    """Returns how often a new score is at most the threshold, ties included.

    Args:
        scores: Of the true classes of n validation samples.
        threshold: What `conformal_threshold` returned.

    >>> coverage_to_expect(np.array([0.0, 0.0, 0.0, 1.0]), 0.0)
    0.6
    """
    return float(np.sum(scores <= threshold) / (len(scores) + 1))


def conformal_scores(
    probabilities,
    score,
    rank_penalty=0.01,
    free_ranks=5,
    allow_empty=None,
    class_counts=None,
):
    """Returns what `decisions.ConformalSets.scores` does, as a NumPy array.

    Args:
        probabilities: Shape `(n, num_classes)`.
        score: `"thr"`, `"pas"`, `"aps"` or `"raps"`.
        rank_penalty: Number of 0 or more.
        free_ranks: Whole number of 0 or more.
        allow_empty: Whether the class of greatest probability may be left out;
            `None` allows it for `"thr"` and `"pas"`.
        class_counts: Training samples of each class, for `"pas"`.
    """
    if score == "pas":
        scores = -probabilities / class_shares(class_counts)
    else:
        scores = _published_scores(probabilities, score, rank_penalty, free_ranks)
    if not may_be_empty(score, allow_empty):
        scores[np.arange(len(scores)), np.argmax(probabilities, axis=1)] = OF_TOP_CLASS
    return scores


def _published_scores(probabilities, score, rank_penalty, free_ranks):
    if score == "thr":
        return -probabilities
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, ::-1]
    after = np.cumsum(np.take_along_axis(probabilities, order, axis=1), axis=1)
    of_place = -np.pad(after[:, :-1], [[0, 0], [1, 0]])
    if score == "raps":
        ranks = np.arange(probabilities.shape[1], 0, -1)
        of_place = of_place + rank_penalty * np.maximum(ranks - free_ranks, 0)
    scores = np.empty_like(of_place)
    np.put_along_axis(scores, order, of_place, axis=1)
    return scores
