"""What decisions take: probabilities of several classes, or of class 1 of two."""

import numpy as np
from keras import ops

from keras_refcal.layers.calibrators.attaching import (
    check_one_distribution,
    returns_logits,
)
from keras_refcal.predictions import as_outputs, check_probabilities
from keras_refcal.predictions import two_columns as two_columns_in_numpy


def num_classes_of(shape) -> int:
    """Returns how many classes probabilities of a shape speak of, or raises.

    Args:
        shape: `(batch, ..., num_classes)`; or `(batch,)` or `(batch, ..., 1)`, which
            hold the probability of class 1 of two.

    >>> num_classes_of((None, 3)), num_classes_of((None, 1)), num_classes_of((None,))
    (3, 2, 2)
    """
    if len(shape) == 0 or shape[-1] == 0 or (len(shape) > 1 and not shape[-1]):
        raise ValueError(
            "Probabilities must have shape (batch, ..., num_classes) with a known "
            "number of classes, or (batch,) or (batch, ..., 1) for two classes. "
            f"Received shape: {tuple(shape)}"
        )
    return 2 if len(shape) == 1 or shape[-1] == 1 else int(shape[-1])


def check_classes(shape, num_classes) -> None:
    """Raises `ValueError` unless probabilities of a shape are of so many classes."""
    if num_classes_of(shape) != num_classes:
        also = ", or of class 1 alone, (batch,) or (batch, ..., 1)"
        raise ValueError(
            f"Expected probabilities of the {num_classes} classes that this was made "
            f"for, shape (batch, ..., {num_classes})"
            f"{also if num_classes == 2 else ''}. "
            f"Received shape: {tuple(shape)}"
        )


def two_columns(probabilities):
    """Returns probabilities with a column for each class, `(..., num_classes)`.

    Args:
        probabilities: Tensor of a shape that `num_classes_of` takes.
    """
    if len(probabilities.shape) == 1:
        probabilities = probabilities[:, None]
    if probabilities.shape[-1] != 1:
        return probabilities
    return ops.concatenate([1.0 - probabilities, probabilities], axis=-1)


def checked_probabilities(values) -> np.ndarray:
    """Returns given probabilities, float32 of shape `(n, num_classes)`, or raises.

    Args:
        values: Array or tensor of a shape that `num_classes_of` takes.
    """
    values = as_outputs("probabilities", ops.convert_to_numpy(values))
    function = "sigmoid" if values.shape[1] == 1 else "softmax"
    check_probabilities("probabilities", values, f"apply {function} first")
    return two_columns_in_numpy(values.astype("float32"), from_logits=False)


def check_model(model, shape, name, multi_label=False) -> None:
    """Raises `ValueError` unless the output of a model can be probabilities of classes.

    Args:
        model: A `keras.Model`.
        shape: Of its output.
        name: What is made for it, for the message.
        multi_label: Whether each column is a label of its own.
    """
    if returns_logits(model):
        raise ValueError(
            "`model` must return probabilities. It returns logits: attach a calibrator "
            "of `keras_refcal.layers` or a layer of softmax, of sigmoid for one column."
        )
    columns = 1 if len(shape) == 1 else shape[-1]
    check_one_distribution(model, columns, name, multi_label)
