"""Checks of arguments and tensors, shared by losses, metrics and layers.

Shapes are checked always; values only where they can be read without tracing.
"""

import keras
import numpy as np

from keras_refcal.backend import concrete_value


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


def check_labels(y_true, y_pred, num_classes=None):
    """Raises `ValueError` for labels that do not fit the predictions.

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
    value = concrete_value(y_true)
    if value is not None and num_classes is not None and is_class_ids(y_true):
        _check_label_values(value, num_classes)


def _check_label_values(labels, num_classes):
    if labels.size and (labels.min() < 0 or labels.max() >= num_classes):
        raise ValueError(
            f"`y_true` must hold class ids from 0 to {num_classes - 1}. "
            f"Received ids from {labels.min():g} to {labels.max():g}."
        )
    if labels.dtype.kind == "f" and np.any(labels != np.round(labels)):
        raise ValueError("`y_true` of shape (batch,) must hold whole numbers.")


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
