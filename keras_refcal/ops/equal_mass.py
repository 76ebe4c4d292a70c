"""Bins of equal mass, cut out of the fine bins of a histogram."""

from keras import ops

from keras_refcal.backend import cumsum
from keras_refcal.ops.calibration_error import divide, positive
from keras_refcal.ops.division import divide_no_nan
from keras_refcal.types import Tensor


def equal_mass_counts(counts: Tensor, num_bins: int) -> Tensor:
    """Returns the counters of bins that hold the same weight each.

    Where a boundary falls inside a fine bin, its samples go to both sides in
    proportion, as if they were all alike.

    Args:
        counts: Weight and any sums of fine bins, shape `(F, ..., M)`, weight first.
        num_bins: Number of bins.

    Returns:
        Shape `(F, ..., num_bins)`.
    """
    boundaries = _boundaries(counts[0], num_bins)
    index = _bin_of(counts[0], boundaries)
    inside, below = _at(counts, index), _at(_below(counts), index)
    part = divide_no_nan(boundaries - below[0], inside[0])
    at = below + ops.clip(part, 0.0, 1.0) * inside
    total = ops.sum(counts, axis=-1, keepdims=True)
    ends = ops.concatenate([ops.zeros_like(total), at, total], axis=-1)
    return ends[..., 1:] - ends[..., :-1]


def equal_mass_distance(counts: Tensor, num_bins: int, slack: int) -> Tensor:
    """Returns how much the l1 error can change by other cuts of the fine bins.

    Moving samples from one bin to the next changes both gaps, each by the difference of
    their confidence c and their right answers t: by the greater of the two at most.

    Args:
        counts: Weight, confidence and right answers of fine bins, `(3, ..., M)`.
        num_bins: Number of bins.
        slack: How many samples lower than here a boundary may lie.

    Returns:
        Shape `(...)`; NaN without samples.
    """
    weight, confidence, correct = ops.unstack(counts)
    moved = ops.where(confidence > correct, confidence, correct)
    boundaries = _boundaries(weight, num_bins)
    first = _bin_of(weight, positive(boundaries - slack))
    last = _bin_of(weight, boundaries + 1)
    reached, below = cumsum(moved), _below(moved)
    moves = _at(reached, last) - _at(below, first)
    smallest = ops.logical_and(weight > 0, ops.equal(_below(weight), 0))
    dropped = ops.sum(ops.where(smallest, moved, 0.0), axis=-1)
    return divide(2 * ops.sum(moves, axis=-1) + dropped, ops.sum(weight, axis=-1))


def _boundaries(weight, num_bins):
    """Returns the weight below each inner boundary, shape `(..., num_bins - 1)`."""
    steps = ops.arange(1, num_bins, dtype=weight.dtype) / num_bins
    return ops.sum(weight, axis=-1, keepdims=True) * steps


def _bin_of(weight, reached):
    """Returns the first fine bin up to which the weight reaches a number."""
    before = cumsum(weight)[..., None, :] < reached[..., None]
    index = ops.sum(ops.cast(before, "int32"), axis=-1)
    return ops.minimum(index, weight.shape[-1] - 1)


def _below(values):
    return cumsum(values) - values


def _at(values, index):
    index = ops.broadcast_to(index, (*values.shape[:-1], index.shape[-1]))
    return ops.take_along_axis(values, index, axis=-1)
