"""Calibration errors from additive bin counters: pure functions.

`counts` has shape `(3, ..., M)`: the weight of each of M bins, the sum of its
confidences and the sum of its right answers. The bins run along the last axis, which
every function reduces. What no sample defines is NaN.
"""

from keras import ops

from keras_refcal.types import Tensor


def divide(numerator: Tensor, denominator: Tensor) -> Tensor:
    """Returns the ratio, NaN where the denominator is 0."""
    empty = ops.equal(denominator, 0)
    ratio = numerator / ops.where(empty, ops.ones_like(denominator), denominator)
    return ops.where(empty, float("nan"), ratio)


def expected_error(counts: Tensor) -> Tensor:
    """ECE: mean over samples of |mean confidence - accuracy| of their bin."""
    weight, confidence, correct = ops.unstack(counts)
    gap = ops.sum(ops.abs(confidence - correct), axis=-1)
    return divide(gap, ops.sum(weight, axis=-1))


def root_mean_squared_error(counts: Tensor) -> Tensor:
    """RMSCE: root of the mean over samples of their bin's squared gap."""
    weight, confidence, correct = ops.unstack(counts)
    squares = ops.divide_no_nan(ops.square(confidence - correct), weight)
    return ops.sqrt(divide(ops.sum(squares, axis=-1), ops.sum(weight, axis=-1)))


def maximum_error(counts: Tensor) -> Tensor:
    """MCE: the largest |mean confidence - accuracy| of a non-empty bin."""
    weight, confidence, correct = ops.unstack(counts)
    gap = ops.divide_no_nan(ops.abs(confidence - correct), weight)
    empty = ops.equal(ops.sum(weight, axis=-1), 0)
    return ops.where(empty, float("nan"), ops.max(gap, axis=-1))


def debiased_error(counts: Tensor) -> Tensor:
    """Debiased RMSCE (Kumar et al. 2019, https://arxiv.org/abs/1909.10155, section 5).

    From each bin's squared gap the variance of its accuracy, `a (1 - a) / (m - 1)`,
    is taken off; bins of weight below 2 add 0, and so does a negative sum. NaN if no
    bin has weight 2.
    """
    weight, confidence, correct = ops.unstack(counts)
    gap = ops.divide_no_nan(confidence - correct, weight)
    accuracy = ops.divide_no_nan(correct, weight)
    enough = ops.greater_equal(weight, 2.0)
    degrees = ops.where(enough, weight - 1, ops.ones_like(weight))
    squared = ops.square(gap) - accuracy * (1 - accuracy) / degrees
    total = ops.sum(ops.where(enough, weight * squared, 0.0), axis=-1)
    error = ops.sqrt(ops.maximum(divide(total, ops.sum(weight, axis=-1)), 0.0))
    return ops.where(ops.any(enough, axis=-1), error, float("nan"))


NORMS = {
    "l1": expected_error,
    "l2": root_mean_squared_error,
    "max": maximum_error,
}


def histogram(index: Tensor, values: Tensor, num_bins: int) -> Tensor:
    """Returns sums of values by bin, shape `(F, num_bins)`.

    Args:
        index: Bin of each sample, shape `(B,)`.
        values: Shape `(B, F)`.
        num_bins: Number of bins.
    """
    index = ops.cast(index, "int32")
    return ops.transpose(ops.segment_sum(values, index, num_segments=num_bins))
