"""Labels and predictions in the forms that every formula uses."""

from keras import ops

from keras_refcal.ops.division import divide_no_nan
from keras_refcal.types import Tensor

# Below this a probability is read as this: its logarithm, and the gradient of its
# logarithm times any sensible weight, stay finite in float32.
MIN_PROBABILITY = 1e-30


def class_ids(y_true: Tensor, xp=ops) -> Tensor:
    """Returns class ids, shape `(batch,)`, from ids or rows of probabilities.

    Args:
        y_true: Shape `(batch,)`, `(batch, 1)` or `(batch, num_classes)`.
        xp: `keras.ops`, or `counting_in_numpy` for arrays.
    """
    if len(y_true.shape) == 2 and y_true.shape[1] != 1:
        return xp.argmax(y_true, axis=-1)
    return xp.cast(xp.reshape(y_true, (-1,)), "int32")


def class_distribution(y_true: Tensor, num_classes: int, dtype="float32") -> Tensor:
    """Returns labels as rows of probabilities, shape `(batch, num_classes)`.

    Args:
        y_true: Class ids, shape `(batch,)` or `(batch, 1)`, or rows of
            probabilities, shape `(batch, num_classes)`.
        num_classes: Number of classes.
        dtype: Floating type of the result.
    """
    if len(y_true.shape) == 2 and y_true.shape[1] == num_classes > 1:
        return ops.cast(y_true, dtype)
    return ops.one_hot(class_ids(y_true), num_classes, dtype=dtype)


def split_index(y_true: Tensor) -> tuple[Tensor, Tensor]:
    """Returns labels and sample indices, shape `(batch,)`, from one tensor.

    Args:
        y_true: Class id and index, shape `(batch, 2)`, or rows of probabilities
            followed by the index, shape `(batch, num_classes + 1)`.
    """
    index = ops.cast(y_true[:, -1], "int32")
    return (y_true[:, 0] if y_true.shape[1] == 2 else y_true[:, :-1]), index


def without_index(y_true: Tensor) -> Tensor:
    """Returns class ids with the index -1, that of no sample, shape `(batch, 2)`."""
    ids = ops.reshape(y_true, (-1, 1))
    return ops.concatenate([ids, -ops.ones_like(ids)], axis=1)


def log_probabilities(probabilities: Tensor) -> Tensor:
    """Returns log-probabilities that are finite for a probability of 0."""
    return ops.log(ops.maximum(probabilities, MIN_PROBABILITY))


def weighted_mean(values: Tensor, sample_weight: Tensor | None = None) -> Tensor:
    """Returns the mean over the first axis; weight 0 equals absence.

    Args:
        values: Shape `(batch, ...)`.
        sample_weight: Shape `(batch,)`, or `None` for equal weights. If all weights
            are 0, so is the result.
    """
    if sample_weight is None:
        return ops.mean(values, axis=0)
    shape = (-1,) + (1,) * (len(values.shape) - 1)
    total = ops.sum(values * ops.reshape(sample_weight, shape), axis=0)
    return divide_no_nan(total, ops.sum(sample_weight))
