"""Labels and predictions in the forms that every formula uses."""

from typing import NamedTuple

import numpy as np
from keras import ops

from keras_refcal.backend import concrete_value
from keras_refcal.ops.division import divide_no_nan
from keras_refcal.predictions import ROW_SUM_TOLERANCE
from keras_refcal.types import Tensor
from keras_refcal.validation import check_label_shape, is_class_ids, refuse_labels

# Below this a probability is read as this: its logarithm, and the gradient of its
# logarithm times any sensible weight, stay finite in float32.
MIN_PROBABILITY = 1e-30

# Class ids from here on are not all distinct in float32, in which losses compute.
MAX_CLASSES = 2**24


class Labels(NamedTuple):
    """Labels in which each row is usable, and what was found out about the rows.

    Attributes:
        values: Class ids, shape `(batch,)`, or rows of probabilities, shape
            `(batch, num_classes)`; a stand-in in rows that are not present or right.
        present: Which rows are not ignored, shape `(batch,)`; `None` if all are.
        right: Which rows are labels at all, shape `(batch,)`; `None` if all are.
    """

    values: Tensor
    present: Tensor | None
    right: Tensor | None


def read_labels(
    y_true, y_pred, num_classes=None, ignore_class=None, fractions=False, counted=None
) -> Labels:
    """Returns labels that any formula can use; the one gate of tensors.

    Where values can be read, bad labels raise; in a compiled step `right` tells.

    Args:
        y_true: Class ids, shape `(batch,)` or `(batch, 1)`, or rows of
            probabilities, shape `(batch, num_classes)`, in floating point.
        y_pred: Predictions, shape `(batch, ...)`.
        num_classes: Number of classes, or `None` if any id is allowed.
        ignore_class: Label of the rows to ignore, or `None`.
        fractions: Whether ids may lie between 0 and 1: the probability of class 1 of
            two.
        counted: Which rows count, shape `(batch,)`, or `None` for all. The labels of
            other rows may be anything.

    Raises:
        ValueError: For shapes that do not fit, and for labels that are none: ids out
            of range or no whole numbers, rows that do not sum to 1.
    """
    check_label_shape(y_true, y_pred, num_classes)
    if is_class_ids(y_true):
        y_true = ops.reshape(y_true, (-1,))
    present = is_present(y_true, ignore_class)
    matters = both(present, counted)
    value = concrete_value(y_true)
    where = slice(None) if matters is None else concrete_value(matters)
    if value is not None and where is not None:
        right, kept = None, value[where]
        wrong = ~are_labels(kept, num_classes, fractions, np)
        if np.any(wrong):
            refuse_labels(kept, wrong, num_classes, ignore_class)
    else:
        right = are_labels(y_true, num_classes, fractions)
        if matters is not None:
            right = ops.logical_or(right, ops.logical_not(matters))
    usable = both(matters, right)
    if usable is not None and len(y_true.shape) == 2:
        y_true = ops.where(usable[:, None], y_true, 1 / y_true.shape[1])
    elif usable is not None:
        y_true = ops.where(usable, y_true, 0.0)
    return Labels(y_true, present, right)


def are_labels(labels, num_classes=None, fractions=False, xp=ops):
    """Returns which rows are labels, shape `(batch,)`.

    Args:
        labels: Class ids, shape `(batch,)`, or rows, shape `(batch, num_classes)`.
        num_classes: Number of classes, or `None` if any id is allowed.
        fractions: Whether ids may be fractions.
        xp: `keras.ops` for tensors, `numpy` for arrays.
    """
    if len(labels.shape) == 2:
        off = xp.abs(xp.sum(labels, axis=-1) - 1)
        # A sum of NaN fails the comparison.
        return xp.logical_and(off <= ROW_SUM_TOLERANCE, xp.all(labels >= 0, axis=-1))
    inside = xp.logical_and(labels >= 0, labels <= (num_classes or MAX_CLASSES) - 1)
    return inside if fractions else xp.logical_and(inside, xp.floor(labels) == labels)


def is_present(labels, ignore_class):
    """Returns which rows have another label than `ignore_class`, `None` for all.

    Args:
        labels: Class ids, shape `(batch,)`, or rows, shape `(batch, num_classes)`, of
            which those with all of their probability on the class are ignored.
        ignore_class: Class id, or `None`.
    """
    if ignore_class is None:
        return None
    if len(labels.shape) == 1:
        return ops.not_equal(labels, ignore_class)
    if not 0 <= ignore_class < labels.shape[1]:
        return None
    is_class = ops.equal(labels[:, ignore_class], 1)
    alone = ops.equal(ops.sum(ops.abs(labels), axis=-1), 1)
    return ops.logical_not(ops.logical_and(is_class, alone))


def both(mask, other):
    """Returns where two masks of shape `(batch,)` hold; `None` holds everywhere."""
    if mask is None or other is None:
        return other if mask is None else mask
    return ops.logical_and(mask, other)


def class_ids(y_true: Tensor, xp=ops) -> Tensor:
    """Returns class ids, shape `(batch,)`, from ids or rows of probabilities.

    Args:
        y_true: Shape `(batch,)`, `(batch, 1)` or `(batch, num_classes)`.
        xp: `keras.ops`, or `counting_in_numpy` for arrays.
    """
    if len(y_true.shape) == 2 and y_true.shape[1] != 1:
        return xp.argmax(y_true, axis=-1)
    return xp.cast(xp.reshape(y_true, (-1,)), "int32")


def class_distribution(labels: Tensor, num_classes: int, dtype="float32") -> Tensor:
    """Returns labels as rows of probabilities, shape `(batch, num_classes)`.

    Args:
        labels: Class ids, shape `(batch,)` or `(batch, 1)`, or rows of
            probabilities, shape `(batch, num_classes)`.
        num_classes: Number of classes.
        dtype: Floating type of the result.
    """
    if len(labels.shape) == 2 and labels.shape[1] == num_classes > 1:
        return ops.cast(labels, dtype)
    return ops.one_hot(class_ids(labels), num_classes, dtype=dtype)


def two_class_distribution(labels: Tensor) -> Tensor:
    """Returns the probability of class 1, shape `(batch,)`, as rows `[1 - y, y]`."""
    return ops.stack([1 - labels, labels], axis=-1)


def is_one_column(scores: Tensor) -> bool:
    """Whether scores are one column, which speaks of class 1 of two classes."""
    return len(scores.shape) == 1 or (len(scores.shape) == 2 and scores.shape[1] == 1)


def as_logits(scores: Tensor, from_logits: bool) -> Tensor:
    """Returns scores as logits with a column for each class.

    Args:
        scores: Shape `(batch, num_classes)`; or one column, `(batch,)` or
            `(batch, 1)`: a probability p means `[1 - p, p]`, a logit z `[0, z]`.
        from_logits: Whether the scores are logits; the logits of probabilities are
            their logarithms.
    """
    if not is_one_column(scores):
        return scores if from_logits else log_probabilities(scores)
    scores = ops.reshape(scores, (-1, 1))
    if from_logits:
        return ops.concatenate([ops.zeros_like(scores), scores], axis=1)
    columns = [_log_complement(scores), log_probabilities(scores)]
    return ops.concatenate(columns, axis=1)


def log_probabilities(probabilities: Tensor) -> Tensor:
    """Returns log-probabilities that are finite for a probability of 0."""
    return ops.log(ops.maximum(probabilities, MIN_PROBABILITY))


def _log_complement(probabilities):
    """Returns `log(1 - p)`, exact for small p and finite for 1."""
    small = probabilities < 0.5
    return ops.where(
        small,
        ops.log1p(-ops.where(small, probabilities, 0.0)),
        log_probabilities(1 - probabilities),
    )


def split_index(y_true: Tensor) -> tuple[Tensor, Tensor]:
    """Returns labels and sample indices, shape `(batch,)`, from one tensor.

    Args:
        y_true: Class id and index, shape `(batch, 2)`, or rows of probabilities
            followed by the index, shape `(batch, num_classes + 1)`.
    """
    index = ops.cast(y_true[:, -1], "int32")
    return (y_true[:, 0] if y_true.shape[1] == 2 else y_true[:, :-1]), index


def with_index(labels: Tensor, index: Tensor) -> Tensor:
    """Returns what `split_index` divides, from labels and their indices."""
    # Not by a reshape, after which TensorFlow knows no number of columns.
    columns = labels if len(labels.shape) == 2 else labels[:, None]
    index = ops.cast(index, columns.dtype)
    return ops.concatenate([columns, index[:, None]], axis=1)


def without_index(y_true: Tensor) -> Tensor:
    """Returns class ids with the index -1, that of no sample, shape `(batch, 2)`."""
    ids = ops.reshape(y_true, (-1, 1))
    return ops.concatenate([ids, -ops.ones_like(ids)], axis=1)


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
