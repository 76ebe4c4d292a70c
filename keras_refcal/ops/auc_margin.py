"""The AUC-margin loss with its inner problems solved in closed form."""

from keras import ops

from keras_refcal.ops.division import divide_no_nan
from keras_refcal.types import Tensor


def auc_margin(
    targets: Tensor,
    logits: Tensor,
    sample_weight: Tensor | None = None,
    margin=1.0,
):
    """Returns the mean over classes of the AUC-margin loss, a scalar.

    For scores s = softmax of a class, with mean and variance over its samples (+) and
    over all others (-), it is `var_+ + var_- + relu(margin + mean_- - mean_+)^2`. A
    class that has no samples, or all of them, is left out.

    Args:
        targets: Rows of probabilities, shape `(B, C)`; a share counts as weight.
        logits: Shape `(B, C)`.
        sample_weight: Shape `(B,)` or `None`.
        margin: Positive number.
    """
    scores = ops.softmax(logits, axis=-1)
    weight = ops.ones_like(scores[:, :1])
    if sample_weight is not None:
        weight = ops.cast(sample_weight, scores.dtype)[:, None]
    positive, negative = weight * targets, weight * (1 - targets)
    mean_pos, variance_pos = _moments(scores, positive)
    mean_neg, variance_neg = _moments(scores, negative)
    gap = ops.relu(margin + mean_neg - mean_pos)
    values = variance_pos + variance_neg + ops.square(gap)
    both = ops.logical_and(ops.sum(positive, axis=0) > 0, ops.sum(negative, axis=0) > 0)
    both = ops.cast(both, values.dtype)
    return divide_no_nan(ops.sum(both * values), ops.sum(both))


def _moments(scores, weight):
    """Returns weighted mean and variance of each column, both `(C,)`."""
    total = ops.sum(weight, axis=0)
    mean = divide_no_nan(ops.sum(weight * scores, axis=0), total)
    square = weight * ops.square(scores - mean)
    return mean, divide_no_nan(ops.sum(square, axis=0), total)
