"""Smooth calibration error from a histogram: a kernel in place of bins.

As `evaluation.smooth`, on one grid of 1001 nodes for every width, so that shapes do
not depend on values. Widths of 0.01 and more use the very same grid there.
"""

from keras import ops

from keras_refcal.backend import sum_by_index
from keras_refcal.ops.division import divide, divide_no_nan
from keras_refcal.types import Tensor

SMALLEST_WIDTH, BISECTIONS = 1e-3, 10
NODES, MOST_POINTS, FEWEST_POINTS = 1001, 1000, 200


def smooth_calibration_error(counts: Tensor) -> Tensor:
    """Returns smECE, a scalar.

    Args:
        counts: Weight, confidence and right answers of fine bins, shape `(3, M)`.
    """
    grids = _on_grid(counts)
    low, high = ops.zeros_like(grids[0, 0]), ops.ones_like(grids[0, 0])
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        small = ops.logical_and(
            middle >= SMALLEST_WIDTH, _error(grids, middle) <= middle
        )
        low, high = ops.where(small, low, middle), ops.where(small, middle, high)
    return _error(grids, high)


def _on_grid(counts):
    """Returns the residual and the weight on the nodes, shape `(2, NODES)`."""
    weight, confidence, correct = ops.unstack(counts)
    mean = ops.clip(divide_no_nan(confidence, weight), 0.0, 1.0)
    position = mean * (NODES - 1)
    cell = ops.minimum(ops.cast(position, "int32"), NODES - 2)
    part = (position - ops.cast(cell, position.dtype))[:, None]
    values = ops.stack([confidence - correct, weight], axis=-1)
    sums = sum_by_index(
        ops.concatenate([values * (1 - part), values * part]),
        ops.concatenate([cell, cell + 1]),
        NODES,
    )
    return ops.transpose(sums)


def _error(grids, width):
    """Returns the mean absolute smoothed residual by the smoothed density."""
    smoothed = _smooth(grids, width)
    points = ops.clip(ops.round(10 / width), FEWEST_POINTS, MOST_POINTS)
    index = ops.arange(MOST_POINTS, dtype=smoothed.dtype)
    position = index / (points - 1) * (NODES - 1)
    cell = ops.minimum(ops.cast(position, "int32"), NODES - 2)
    part = position - ops.cast(cell, position.dtype)
    low, high = ops.take(smoothed, cell, axis=1), ops.take(smoothed, cell + 1, axis=1)
    residual, density = ops.unstack(low + part * (high - low))
    used = ops.cast(index < points, residual.dtype)
    return divide(ops.sum(ops.abs(residual) * used), ops.sum(density * used))


def _smooth(grids, width):
    """Convolves with a Gaussian cut at distance 1/2, which 0 and 1 reflect."""
    nodes = ops.linspace(0.0, 1.0, NODES, dtype=grids.dtype)
    kernel = ops.exp(-ops.square(nodes / width) / 2)
    kernel = ops.where(nodes <= 0.5, kernel, ops.zeros_like(kernel))
    spectrum, _ = ops.rfft(_even(kernel[None]))
    real, imaginary = ops.rfft(_even(grids))
    smoothed = ops.irfft((real * spectrum, imaginary * spectrum))
    return smoothed[:, :NODES]


def _even(rows):
    return ops.concatenate([rows, ops.flip(rows[:, 1:-1], axis=1)], axis=1)
