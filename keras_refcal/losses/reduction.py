"""From the values of samples to one number, as Keras makes it."""

from keras import ops

from keras_refcal.backend import global_batch, num_replicas
from keras_refcal.backend.keras_internals import get_keras_mask
from keras_refcal.ops.division import divide_no_nan


def reduced(values, reduction, present=None, weight=None):
    """Returns values as Keras reduces them, without the rows that are not present.

    Args:
        values: Shape `(batch,)`.
        reduction: As in `keras.losses.Loss`.
        present: Which rows are there, shape `(batch,)`; `None` for all.
        weight: Factor of each value, shape `(batch,)`; `None` for 1.
    """
    ones = ops.ones_like(values) if present is None else ops.cast(present, values.dtype)
    if present is not None:
        values = ops.where(present, values, 0.0)
    if weight is not None:
        weight = weight if present is None else ops.where(present, weight, 0.0)
        values = values * weight
    if reduction in (None, "none"):
        return values
    total = ops.sum(values)
    if reduction == "sum":
        return total
    by_weight = reduction == "mean_with_sample_weight" and weight is not None
    # Keras sums means over replicas.
    mean = divide_no_nan(total, ops.sum(weight if by_weight else ones))
    return mean / num_replicas()


def weights_with_mask(mask, weight, reduction="none"):
    """Returns sample weights times a mask, or the weights if there is no mask.

    Args:
        mask: Which rows are there, shape `(batch,)`, or `None` for all.
        weight: Shape `(batch,)`, or `None`.
        reduction: Where it divides by the batch, the mask makes up for what is masked.
    """
    if mask is None:
        return weight
    mask = ops.cast(mask, "float32")
    if reduction in ("sum_over_batch_size", "mean"):
        mask = divide_no_nan(mask, ops.mean(mask))
    return mask if weight is None else mask * ops.cast(weight, "float32")


def rows_of_all_replicas(y_true, y_pred, sample_weight):
    """Returns labels, predictions, weights and mask of all replicas of TensorFlow.

    On other backends, and outside of a replica, they are returned as they are.
    """
    mask = get_keras_mask(y_pred)
    rows = (y_true, y_pred, sample_weight, mask)
    return rows if num_replicas() == 1 else global_batch(rows)


def share_of_replica(value, reduction):
    """Returns what one replica adds to a loss that each computes from all rows.

    Means are divided by the number of replicas already, as Keras does; sums are not.
    """
    return value / num_replicas() if reduction == "sum" else value
