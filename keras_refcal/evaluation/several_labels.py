"""Predictions of several labels: each column alone, as two classes."""

import numpy as np

from keras_refcal.predictions import Predictions, as_outputs, as_predictions
from keras_refcal.predictions.rows import given_rows


def as_label_predictions(
    y_true,
    probabilities=None,
    logits=None,
    *,
    sample_weight=None,
    groups=None,
    classes=None,
    ignore_class=None,
) -> dict[str | int, Predictions]:
    """Returns the predictions of each label, by its name or number.

    Args:
        y_true: Zeros and ones, shape `(n, K)`; or `(b, ..., K)`.
        probabilities: Independent probabilities, which need not sum to 1, of the
            shape of `y_true`.
        logits: In place of `probabilities`.
        sample_weight: See `evaluate`, as the next two.
        groups: A value for each sample, or `None`.
        classes: Names of the K labels, or `None` for their numbers.
        ignore_class: What stands in `y_true` where a label is not known.

    Raises:
        ValueError: If shapes do not fit, or a label is not known of any sample.
    """
    if (probabilities is None) == (logits is None):
        raise ValueError("Pass exactly one of `probabilities` and `logits`.")
    name = "probabilities" if logits is None else "logits"
    outputs = probabilities if logits is None else logits
    rows = given_rows(y_true, name, outputs, sample_weight, groups)
    outputs = as_outputs(name, rows.outputs)
    labels = rows.labels.reshape(len(rows.labels), -1)
    if labels.shape != outputs.shape:
        raise ValueError(
            "With `multi_label=True`, `y_true` must hold a 0 or 1 for each label, "
            f"shape {outputs.shape}. Received shape: {labels.shape}"
        )
    names = range(outputs.shape[1]) if classes is None else list(classes)
    if len(names) != outputs.shape[1]:
        raise ValueError(
            f"`classes` must name the {outputs.shape[1]} labels. Received: {names}"
        )
    found = {}
    for number, label in enumerate(names):
        try:
            found[label] = as_predictions(
                labels[:, number],
                **{name: outputs[:, number]},
                sample_weight=rows.weights,
                groups=rows.groups,
                ignore_class=ignore_class,
            )
        except ValueError as error:
            raise ValueError(f"Label {label!r}: {error}") from None
    return found


def mean_of_labels(values) -> np.ndarray:
    """Returns means over the first axis, NaN left out; NaN where nothing is left.

    Args:
        values: Shape `(labels, ...)`.
    """
    values = np.asarray(values, "float64")
    defined = ~np.isnan(values)
    total = np.where(defined, values, 0.0).sum(axis=0)
    count = defined.sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
