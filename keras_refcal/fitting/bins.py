"""Edges of bins that hold equally much."""

import numpy as np


def mass_quantiles(scores, weights, num_bins) -> np.ndarray:
    """Returns inner edges: midpoints where the mass passes each multiple of 1 / B.

    A score that occurs several times is not torn apart: the edge lies behind it.

    Args:
        scores: Shape `(n,)`.
        weights: Positive, shape `(n,)`.
        num_bins: Number of bins B.

    >>> mass_quantiles(np.array([0.4, 0.1, 0.2, 0.3]), np.ones(4), 2).round(3)
    array([0.25])
    """
    order = np.argsort(scores, kind="stable")
    mass = np.cumsum(weights[order])
    wanted = np.arange(1, num_bins) / num_bins * mass[-1]
    right = np.clip(np.searchsorted(mass, wanted * (1 - 1e-9)), 0, len(order) - 1)
    ordered = scores[order]
    beyond = np.searchsorted(ordered, ordered[right], side="right")
    return (ordered[right] + ordered[np.minimum(beyond, len(order) - 1)]) / 2
