"""What a metric is given, as rows that it counts: pixels, masks, ignored labels."""

import numpy as np
from keras import ops

from keras_refcal.backend.keras_internals import get_keras_mask
from keras_refcal.metrics.batch import check_shapes
from keras_refcal.metrics.labels import as_tensor, as_weights
from keras_refcal.ops import counting_in_keras, counting_in_numpy
from keras_refcal.ops.labels import both, is_present
from keras_refcal.ops.leading_axes import as_rows


def as_counted(y_true, y_pred, sample_weight, ignore_class=None, multi_label=False):
    """Returns labels, predictions and weights with a row for each position.

    What is masked or ignored has weight 0.

    Args:
        y_true: See `ClassifierMetric.update_state`, as the next two.
        y_pred: Predictions; their mask counts.
        sample_weight: Weights or `None`.
        ignore_class: Label to leave out, or `None`.
        multi_label: Whether each column is a label of its own; weights then have a
            column for each where one was ignored.

    Raises:
        ValueError: If shapes do not fit, or for complex numbers.
    """
    mask = get_keras_mask(y_pred)
    y_true, y_pred, sample_weight, mask, _ = as_rows(
        as_tensor(y_true), ops.convert_to_tensor(y_pred), sample_weight, mask
    )
    check_shapes(y_true, y_pred, multi_label)
    weight = as_weights(sample_weight, y_pred.shape[0])
    if mask is not None:
        mask = ops.cast(mask, "bool")
    if ignore_class is None and mask is None:
        return y_true, y_pred, weight
    present = mask
    if multi_label:
        present = None if mask is None else mask[:, None]
        if weight is not None and len(weight.shape) == 1:
            weight = weight[:, None]
    if ignore_class is not None:
        present = both(present, _is_present(y_true, ignore_class, multi_label))
    if present is not None:
        one = ops.ones_like(y_pred if multi_label else y_pred[..., :1][:, 0])
        weight = one if weight is None else weight * ops.cast(one, weight.dtype)
        weight = ops.where(present, weight, ops.zeros_like(weight))
    return y_true, y_pred, weight


def of_labels(counted, y_true, y_pred, weight):
    """Returns what is counted of each label, one label after the other.

    Args:
        counted: Function of labels, scores and weights of two classes, shape `(n,)`.
        y_true: Zeros and ones, shape `(n, labels)`.
        y_pred: Shape `(n, labels)`.
        weight: Shape `(n,)`, `(n, labels)`, a number, or `None`.
    """
    of_each = weight is not None and len(weight.shape) == 2 and weight.shape[1] > 1
    if isinstance(y_pred, np.ndarray):
        return np.concatenate(
            [
                counted(y_true[:, k], y_pred[:, k], weight[:, k] if of_each else weight)
                for k in range(y_pred.shape[1])
            ]
        )
    columns = [ops.transpose(y_true), ops.transpose(y_pred)]
    if of_each:
        increments = ops.map(lambda x: counted(*x), (*columns, ops.transpose(weight)))
    else:
        increments = ops.map(lambda x: counted(*x, weight), tuple(columns))
    return ops.reshape(increments, (-1,))


def counting(values):
    """Returns the module that counts in arrays, or in tensors."""
    return counting_in_numpy if isinstance(values, np.ndarray) else counting_in_keras


def mean_of_defined(values):
    """Returns the mean of a vector, NaN left out; NaN if nothing is left."""
    defined = ops.cast(values == values, values.dtype)
    return ops.sum(ops.where(values == values, values, 0.0)) / ops.sum(defined)


def _is_present(y_true, ignore_class, multi_label):
    labels = counting_in_keras.as_numbers(y_true)
    if multi_label:
        return ops.not_equal(labels, ignore_class)
    if len(labels.shape) == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    return is_present(labels, ignore_class)
