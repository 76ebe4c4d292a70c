"""Calibration penalties: pure functions of a batch, one scalar each.

Shapes: B batch, C classes. `targets` are rows of probabilities `(B, C)`, see
`ops.labels.class_distribution`; `logits` are `(B, C)`; `sample_weight` is `(B,)` or
`None`, and weight 0 equals absence. Confidence is the greatest probability of a row;
correctness is the target's share of the class that has it, 0 or 1 for class ids.
"""

from keras import ops

from keras_refcal.ops.division import divide_no_nan
from keras_refcal.ops.labels import weighted_mean
from keras_refcal.ops.predicted_class import predicted_class
from keras_refcal.types import Tensor

KERNEL_WIDTH = 0.4


def mdca(targets: Tensor, logits: Tensor, sample_weight: Tensor | None = None):
    """Returns the mean over classes of |mean probability - class frequency|."""
    gap = ops.softmax(logits, axis=-1) - targets
    return ops.mean(ops.abs(weighted_mean(gap, sample_weight)))


def dca(targets: Tensor, logits: Tensor, sample_weight: Tensor | None = None):
    """Returns |mean confidence - accuracy|; accuracy counts as constant."""
    confidence, correct = confidence_and_correctness(targets, logits)
    return ops.abs(weighted_mean(confidence - correct, sample_weight))


def mmce(
    targets: Tensor,
    logits: Tensor,
    sample_weight: Tensor | None = None,
    variant="published",
):
    """Returns the unweighted maximum mean calibration error.

    Args:
        targets: Rows of probabilities, shape `(B, C)`.
        logits: Shape `(B, C)`.
        sample_weight: Shape `(B,)` or `None`.
        variant: `"published"` is the mean over pairs of the product of residuals
            times the kernel; `"paper"` is its square root.
    """
    confidence, correct = confidence_and_correctness(targets, logits)
    weight = _weights(sample_weight, confidence)
    residual = _shares(weight) * (correct - confidence)
    square = _pair_sum(residual, residual, confidence)
    return square if variant == "published" else _root(square)


def mmce_weighted(
    targets: Tensor,
    logits: Tensor,
    sample_weight: Tensor | None = None,
    variant="published",
):
    """Returns the maximum mean calibration error of right against wrong samples.

    It is 0, without gradient, if all samples are right or all wrong.

    Args:
        targets: Rows of probabilities, shape `(B, C)`.
        logits: Shape `(B, C)`.
        sample_weight: Shape `(B,)` or `None`.
        variant: `"paper"` divides each sum over pairs once by the number of pairs,
            `"published"` twice, as all published code does.
    """
    confidence, correct = confidence_and_correctness(targets, logits)
    weight = _weights(sample_weight, confidence)
    right, wrong = weight * correct, weight * (1 - correct)
    num_right, num_wrong = ops.sum(right), ops.sum(wrong)
    right = _shares(right) * (1 - confidence)
    wrong = _shares(wrong) * confidence

    def mean(left, other, pairs):
        value = _pair_sum(left, other, confidence)
        return value / (pairs + 1e-5) if variant == "published" else value

    square = (
        mean(right, right, ops.square(num_right))
        + mean(wrong, wrong, ops.square(num_wrong))
        - 2 * mean(right, wrong, num_right * num_wrong)
    )
    both = ops.logical_and(num_right > 0, num_wrong > 0)
    if variant == "published":
        square = square + 1e-10
    return _root(ops.where(both, square, 0.0))


def confidence_and_correctness(targets: Tensor, logits: Tensor):
    """Returns the confidence and the correctness of each sample, both `(B,)`."""
    confidence = ops.max(ops.softmax(logits, axis=-1), axis=-1)
    predicted = predicted_class(logits)
    predicted = ops.one_hot(predicted, logits.shape[-1], dtype=targets.dtype)
    return confidence, ops.stop_gradient(ops.sum(predicted * targets, axis=-1))


def _pair_sum(left, right, confidence):
    """Returns `sum_ij left_i right_j kernel(confidence_i, confidence_j)`."""
    distance = ops.abs(confidence[:, None] - confidence[None, :])
    kernel = ops.exp(-distance / KERNEL_WIDTH)
    return ops.sum(left[:, None] * right[None, :] * kernel)


def _root(square):
    """Returns the square root, with gradient 0 where there is nothing to root."""
    positive = square > 0
    return ops.where(positive, ops.sqrt(ops.where(positive, square, 1.0)), 0.0)


def _shares(weight):
    """Returns weights over their sum, all 0 if that is 0."""
    return divide_no_nan(weight, ops.sum(weight))


def _weights(sample_weight, like):
    if sample_weight is None:
        return ops.ones_like(like)
    return ops.cast(sample_weight, like.dtype)
