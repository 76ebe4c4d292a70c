"""Edges of bins that hold equally many samples."""

import numpy as np


def interpolated_edges(values, num_bins) -> np.ndarray:
    """Returns the sorted values interpolated at `linspace(0, n, num_bins + 1)`.

    The position n is read as the maximum, as published code does.
    """
    ordered = np.sort(values)
    positions = np.linspace(0, len(ordered), num_bins + 1)
    return np.interp(positions, np.arange(len(ordered)), ordered)


def quantile_edges(values, num_bins) -> np.ndarray:
    """Returns NumPy's quantiles of the values, the first set to 0, the last to 1."""
    edges = np.quantile(values, np.linspace(0, 1, num_bins + 1))
    edges[0], edges[-1] = 0.0, 1.0
    return edges
