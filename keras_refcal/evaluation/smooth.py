"""Smooth calibration error: a kernel in place of bins."""

import numpy as np

SMALLEST_WIDTH = 1e-3
BISECTIONS = 10


def smooth_calibration_error(confidence, correct, weights=None) -> tuple[float, float]:
    """Returns smECE and the kernel width at which it is taken.

    The width is the smallest of 1024 steps on (0, 1] that is 0.001 or more and no
    less than the error it gives. Paper: Błasiok and Nakkiran 2023,
    https://arxiv.org/abs/2309.12236; kernel and grids as in the authors' relplot.

    Args:
        confidence: In [0, 1], shape `(n,)`.
        correct: Booleans, shape `(n,)`.
        weights: Above 0, shape `(n,)`, or `None` for 1 each.
    """
    residuals = _Residuals(confidence, correct, weights)
    low, high = 0.0, 1.0
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        if middle >= SMALLEST_WIDTH and residuals.error(middle) <= middle:
            high = middle
        else:
            low = middle
    return residuals.error(high), high


def smooth_error_at(confidence, correct, width) -> float:
    """Returns the smooth calibration error at a fixed kernel width above 0.

    Args:
        confidence: In [0, 1], shape `(n,)`.
        correct: Booleans, shape `(n,)`.
        width: Standard deviation of the Gaussian.
    """
    return _Residuals(confidence, correct).error(width)


class _Residuals:
    """Confidence minus correctness, spread over the nodes of a grid on [0, 1]."""

    def __init__(self, confidence, correct, weights=None):
        self._confidence = np.clip(np.asarray(confidence, "float64"), 0.0, 1.0)
        self._weights = np.ones(len(self._confidence)) if weights is None else weights
        self._values = self._weights * (self._confidence - correct)
        self._grids = {}

    def error(self, width):
        """Returns the mean absolute smoothed residual by the smoothed density."""
        num_nodes = max(1000, round(10 / width)) + 1
        nodes = np.linspace(0, 1, num_nodes)
        points = np.linspace(0, 1, max(200, round(10 / width)))
        kernel = _kernel(nodes, width)
        residual, density = (
            np.interp(points, nodes, _smooth(grid, kernel))
            for grid in self._on_grid(num_nodes)
        )
        return float(np.abs(residual).sum() / density.sum())

    def _on_grid(self, num_nodes):
        if num_nodes not in self._grids:
            position = self._confidence * (num_nodes - 1)
            cell = np.minimum(position.astype("int64"), num_nodes - 2)
            part = position - cell
            self._grids[num_nodes] = [
                np.bincount(cell, mass * (1 - part), num_nodes)
                + np.bincount(cell + 1, mass * part, num_nodes)
                for mass in (self._values, self._weights)
            ]
        return self._grids[num_nodes]


def _kernel(nodes, width):
    """Returns the spectrum of a Gaussian cut at distance 1/2, of period 2."""
    half = np.where(nodes <= 0.5, np.exp(-((nodes / width) ** 2) / 2), 0.0)
    return np.fft.rfft(_even(half))


def _smooth(grid, kernel):
    """Convolves with a kernel that 0 and 1 reflect."""
    return np.fft.irfft(np.fft.rfft(_even(grid)) * kernel)[: len(grid)]


def _even(values):
    return np.concatenate([values, values[-2:0:-1]])
