"""Calibration errors from additive bin counters: pure functions.

`counts` has shape `(3, ..., M)`: the weight of each of M bins, the sum of its
confidences and the sum of its right answers. The bins run along the last axis, which
every function reduces. What no sample defines is NaN. `xp` is `keras.ops` for tensors
and `numpy` for arrays.
"""

from keras import ops

from keras_refcal.ops.division import divide, divide_no_nan
from keras_refcal.types import Tensor

# What rounding may take from an effective number of rows that is 2.
ROWS_ROUNDING = 1e-6


def positive(values: Tensor, xp=ops) -> Tensor:
    """Returns values, 0 for those below, in float64 too, unlike Keras' on PyTorch."""
    return xp.where(values > 0, values, 0.0)


def expected_error(counts: Tensor, xp=ops) -> Tensor:
    """ECE: mean over samples of |mean confidence - accuracy| of their bin."""
    weight, confidence, correct = counts[0], counts[1], counts[2]
    gap = xp.sum(xp.abs(confidence - correct), axis=-1)
    return divide(gap, xp.sum(weight, axis=-1), xp)


def root_mean_squared_error(counts: Tensor, xp=ops) -> Tensor:
    """RMSCE: root of the mean over samples of their bin's squared gap."""
    weight, confidence, correct = counts[0], counts[1], counts[2]
    squares = divide_no_nan(xp.square(confidence - correct), weight, xp)
    return xp.sqrt(divide(xp.sum(squares, axis=-1), xp.sum(weight, axis=-1), xp))


def maximum_error(counts: Tensor, xp=ops) -> Tensor:
    """MCE: the largest |mean confidence - accuracy| of a non-empty bin."""
    weight, confidence, correct = counts[0], counts[1], counts[2]
    gap = divide_no_nan(xp.abs(confidence - correct), weight, xp)
    empty = xp.equal(xp.sum(weight, axis=-1), 0)
    return xp.where(empty, float("nan"), xp.max(gap, axis=-1))


def average_error(counts: Tensor, xp=ops) -> Tensor:
    """Mean over non-empty bins of |mean confidence - accuracy|."""
    weight, confidence, correct = counts[0], counts[1], counts[2]
    gap = divide_no_nan(xp.abs(confidence - correct), weight, xp)
    filled = xp.sum(xp.where(weight > 0, xp.ones_like(weight), 0.0), axis=-1)
    return divide(xp.sum(gap, axis=-1), filled, xp)


def debiased_error(counts: Tensor, rows: Tensor | None = None, xp=ops) -> Tensor:
    """Debiased RMSCE (Kumar et al. 2019, https://arxiv.org/abs/1909.10155, section 5).

    From each bin's squared gap the variance of its accuracy, `a (1 - a) / (m - 1)`,
    is taken off; bins of fewer than 2 rows add 0, and so does a negative sum. NaN if
    no bin has 2 rows.

    Args:
        counts: Shape `(3, ..., M)`.
        rows: Effective number of rows of each bin, m, shape `(..., M)`; `None` if
            every weight is 1.
        xp: See above.
    """
    weight, confidence, correct = counts[0], counts[1], counts[2]
    rows = weight if rows is None else rows
    gap = divide_no_nan(confidence - correct, weight, xp)
    accuracy = divide_no_nan(correct, weight, xp)
    enough = rows >= 2.0 - ROWS_ROUNDING
    degrees = xp.where(enough, rows - 1, xp.ones_like(rows))
    squared = xp.square(gap) - accuracy * (1 - accuracy) / degrees
    total = xp.sum(xp.where(enough, weight * squared, 0.0), axis=-1)
    error = xp.sqrt(positive(divide(total, xp.sum(weight, axis=-1), xp), xp))
    return xp.where(xp.any(enough, axis=-1), error, float("nan"))


def effective_rows(weight: Tensor, squares: Tensor) -> Tensor:
    """Returns `(Σw)² / Σw²`, which does not depend on the scale of weights.

    Args:
        weight: Sum of the weights of each bin, shape `(..., M)`.
        squares: Sum of their squares, shape `(M,)`; or of those of all rows, shape
            `(1,)`, whose ratio then stands for that of each bin.
    """
    if squares.shape[-1] == weight.shape[-1]:
        return divide(ops.square(weight), squares)
    # Each row is in a bin of every class.
    total = ops.sum(weight, axis=-1, keepdims=True)
    return divide(weight * total, squares)


def average_over_classes(errors: Tensor, norm: str) -> Tensor:
    """Returns one figure of the errors of all classes, shape `(K,)`.

    It is the mean for `"l1"`, the root of the mean square for `"l2"`, and the maximum
    for `"max"`.
    """
    if norm == "l1":
        return ops.mean(errors)
    if norm == "l2":
        return ops.sqrt(ops.mean(ops.square(errors)))
    return ops.where(
        ops.any(ops.isnan(errors)), float("nan"), ops.max(ops.nan_to_num(errors))
    )


def error(counts: Tensor, norm="l1", debias=False, rows=None) -> Tensor:
    """Returns the calibration error of counters, a scalar.

    Args:
        counts: Shape `(3, M)`, or `(3, K, M)` for the figure of all classes.
        norm: `"l1"`, `"l2"` or `"max"`.
        debias: Whether to take the sampling variance off, for `"l2"`.
        rows: See `debiased_error`.
    """
    errors = debiased_error(counts, rows) if debias else NORMS[norm](counts)
    return average_over_classes(errors, norm) if len(errors.shape) else errors


def overconfidence_error(counts: Tensor, xp=ops) -> Tensor:
    """Mean over samples of their bin's confidence times its positive gap."""
    weight, confidence, correct = counts[0], counts[1], counts[2]
    excess = positive(divide_no_nan(confidence - correct, weight, xp), xp)
    return divide(xp.sum(confidence * excess, axis=-1), xp.sum(weight, axis=-1), xp)


def brier_calibration(counts: Tensor, xp=ops) -> Tensor:
    """Sum over classes of the mean squared gap of their bins, from `(3, K, M)`.

    It is what the Brier score falls by when each bin of each class predicts that
    class's frequency in it; the rest of the score is its refinement part. Both are in
    sample, and one number a bin of each class is fitted: on few samples of many classes
    the calibration part is far too large.
    """
    return xp.sum(xp.square(root_mean_squared_error(counts, xp)))


def with_impossible_events(counts: Tensor) -> Tensor:
    """Returns counters of which the last bin's events are added to the first bin.

    Args:
        counts: Shape `(3, K, M + 1)`; the last bin holds the events of probability 0.

    Returns:
        Shape `(3, K, M)`.
    """
    first = counts[..., :1] + counts[..., -1:]
    return ops.concatenate([first, counts[..., 1:-1]], axis=-1)


NORMS = {
    "l1": expected_error,
    "l2": root_mean_squared_error,
    "max": maximum_error,
}
