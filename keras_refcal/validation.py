"""Checks of arguments and tensors, shared by losses, metrics and layers.

Shapes are checked always; values only where they can be read without tracing.
"""

import keras
import numpy as np

from keras_refcal.backend import concrete_value
from keras_refcal.predictions import ROW_SUM_TOLERANCE, check_probabilities


def check_positive(name, value):
    """Raises `ValueError` unless `value` is a finite number above 0."""
    if not (np.isscalar(value) and np.isfinite(value) and value > 0):
        raise ValueError(f"`{name}` must be a positive number. Received: {value!r}")


def check_non_negative(name, value):
    """Raises `ValueError` unless `value` is a finite number of 0 or more."""
    if not (np.isscalar(value) and np.isfinite(value) and value >= 0):
        raise ValueError(f"`{name}` must be a number >= 0. Received: {value!r}")


def check_share(name, value):
    """Raises `ValueError` unless `value` is a number in (0, 1)."""
    if isinstance(value, str) or not (np.isscalar(value) and 0 < value < 1):
        raise ValueError(f"`{name}` must be a number in (0, 1). Received: {value!r}")


def check_in_range(name, value, low, high):
    """Raises `ValueError` unless `low <= value <= high`."""
    if not (np.isscalar(value) and low <= value <= high):
        raise ValueError(
            f"`{name}` must be a number in [{low}, {high}]. Received: {value!r}"
        )


def check_integer(name, value, least):
    """Raises `ValueError` unless `value` is an integer of `least` or more."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"`{name}` must be an integer >= {least}. Received: {value!r}")


def check_bool(name, value):
    """Raises `ValueError` unless `value` is True or False."""
    if not isinstance(value, bool):
        raise ValueError(f"`{name}` must be True or False. Received: {value!r}")


def check_choice(name, value, choices):
    """Raises `ValueError` unless `value` is one of `choices`."""
    if value not in choices:
        raise ValueError(
            f"`{name}` must be one of {sorted(choices, key=str)}. Received: {value!r}"
        )


def check_class_counts(class_counts):
    """Returns `class_counts` as a tuple of positive numbers, or raises."""
    counts = np.asarray(class_counts, dtype="float64")
    if counts.ndim != 1 or counts.size < 2 or not np.all(counts > 0):
        raise ValueError(
            "`class_counts` must be one positive number of training samples for "
            f"each of two or more classes. Received: {class_counts!r}"
        )
    return tuple(counts.tolist())


def check_num_classes(name, expected, tensor):
    """Raises `ValueError` unless the last axis of `tensor` has `expected` classes."""
    if tensor.shape[-1] != expected:
        raise ValueError(
            f"`{name}` must fit the {tensor.shape[-1]} classes of `y_pred`. "
            f"Received {name} for {expected} classes."
        )


def check_batch(name, tensor, ranks):
    """Raises `ValueError` for a wrong rank, an empty batch, NaN or infinity."""
    shape = tuple(tensor.shape)
    if len(shape) not in ranks:
        expected = " or ".join(str(rank) for rank in ranks)
        raise ValueError(f"`{name}` must have rank {expected}. Received shape: {shape}")
    if shape[0] == 0:
        raise ValueError(f"`{name}` must hold one sample or more. Received: {shape}")
    value = concrete_value(tensor)
    if value is not None and not np.all(np.isfinite(value)):
        raise ValueError(f"`{name}` must be finite. Received NaN or infinity.")


def check_are_probabilities(y_pred, counted=None):
    """Raises `ValueError` for predictions that can be read and are no probabilities.

    Args:
        y_pred: Finite, shape `(batch, num_classes)`, or `(batch,)` or `(batch, 1)` for
            the probability of class 1 of two.
        counted: Which rows count, shape `(batch,)`, or `None` for all; other rows may
            be anything.
    """
    value = concrete_value(y_pred)
    where = None if counted is None else concrete_value(counted)
    if value is None or (counted is not None and where is None):
        return
    value = value.reshape(len(value), -1)
    value = value if where is None else value[where]
    if value.size:
        check_probabilities("y_pred", value, "set `from_logits=True` of the loss")


def check_ignore_class(ignore_class):
    """Raises `ValueError` unless `ignore_class` is an integer or `None`."""
    is_integer = isinstance(ignore_class, int | np.integer)
    if ignore_class is not None and (not is_integer or isinstance(ignore_class, bool)):
        raise ValueError(
            "`ignore_class` must be the class id of the samples to leave out, an "
            f"integer such as -1, or None. Received: {ignore_class!r}"
        )


def check_embeddings(loss, embeddings):
    """Raises `ValueError` unless a contrastive loss can compare the embeddings."""
    shape = tuple(embeddings.shape)
    if len(shape) == 1 or (len(shape) in (2, 3) and shape[-1] == 1):
        raise ValueError(
            f"{type(loss).__name__} has no meaning on one column: it compares the "
            "directions of embeddings, `y_pred` of shape (batch, dim) or (batch, "
            f"views, dim) with a dim of 2 or more. Received shape: {shape}"
        )
    check_batch("y_pred", embeddings, ranks=(2, 3))


def check_one_column(loss, from_logits):
    """Raises `ValueError` if a loss has no meaning on one column of predictions."""
    if from_logits and not loss.takes_one_logit:
        raise ValueError(
            f"{type(loss).__name__} has no meaning on one column of logits: it divides "
            "the logits [0, z] of two classes by their length, which leaves the sign "
            "of z. Give it two columns, or a probability with `from_logits=False`."
        )


def check_label_shape(y_true, y_pred, num_classes=None):
    """Raises `ValueError` for labels whose shape does not fit the predictions.

    Args:
        y_true: Labels, shape `(batch,)`, `(batch, 1)` or `(batch, num_classes)`.
        y_pred: Predictions, shape `(batch, ...)`.
        num_classes: Number of classes, or `None` if any label is allowed.
    """
    shape = tuple(y_true.shape)
    classes = (1,) if num_classes is None else (1, num_classes)
    if len(shape) not in (1, 2) or (
        len(shape) == 2 and num_classes is not None and shape[1] not in classes
    ):
        wanted = (
            "(batch,) or (batch, 1) class ids or (batch, num_classes) probabilities"
        )
        if num_classes is not None:
            wanted += f" with num_classes={num_classes}"
        raise ValueError(f"`y_true` must be {wanted}. Received shape: {shape}")
    if None not in (shape[0], y_pred.shape[0]) and shape[0] != y_pred.shape[0]:
        raise ValueError(
            "`y_true` and `y_pred` must hold the same number of samples. "
            f"Received shapes: {shape} and {tuple(y_pred.shape)}"
        )


def refuse_labels(labels, wrong, num_classes=None, ignore_class=None):
    """Raises `ValueError` that says what is wrong with labels.

    Args:
        labels: Class ids, shape `(n,)`, or rows, shape `(n, num_classes)`.
        wrong: Which of them are none, shape `(n,)`, at least one.
        num_classes: Number of classes, or `None` if any id is allowed.
        ignore_class: Which label was asked to be ignored.
    """
    first, count = labels[wrong][0], int(wrong.sum())
    if labels.ndim == 2:
        raise ValueError(
            "Rows of `y_true` must be probabilities of the classes, of 0 or more, that "
            f"sum to 1 within {ROW_SUM_TOLERANCE:g}. Received {count} rows that are "
            f"none, such as {first[:10].tolist()}. {_advice_on_row(first)}"
        )
    expected = "from 0 on" if num_classes is None else f"from 0 to {num_classes - 1}"
    advice = ""
    if first == -1 and ignore_class != -1:
        advice = " Pass `ignore_class=-1` to leave samples without a label out."
    elif first != np.round(first):
        advice = (
            " Class ids are whole numbers; give soft labels as rows of shape (batch, "
            "num_classes)."
        )
    raise ValueError(
        f"`y_true` must hold class ids {expected}. Received {count} labels that are "
        f"none, such as {first:g}.{advice}"
    )


def _advice_on_row(row):
    if np.all((row == 0) | (row == 1)):
        if row.sum() == 0:
            return "Give class ids and `ignore_class` to leave out what has no label."
        return (
            "Classes must exclude each other: for several labels a sample, judge each "
            "column alone as two classes."
        )
    return "Divide each row by its sum first."


def check_indices(index, num_samples):
    """Raises `ValueError` for indices beyond the training set; -1 is none."""
    value = concrete_value(index)
    if value is not None and value.size:
        if value.min() < -1 or value.max() >= num_samples:
            raise ValueError(
                f"The indices of the samples must be from -1 to {num_samples - 1}, as "
                f"`num_samples` says. Received: {value.min()} to {value.max()}."
            )


def is_class_ids(y_true):
    """Whether labels are class ids rather than a row of probabilities."""
    return len(y_true.shape) == 1 or y_true.shape[1] == 1


def check_term(name, term):
    """Raises `ValueError` unless `term` is a name, a Keras loss or `None`."""
    if term is not None and not isinstance(term, str | keras.losses.Loss):
        raise ValueError(
            f"`{name}` must be the name of a loss, a `keras.losses.Loss` or None. "
            f"Received: {term!r}"
        )
