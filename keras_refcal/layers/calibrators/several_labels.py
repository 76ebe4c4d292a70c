"""Calibration of several labels: a map of two classes for each."""

import numpy as np
from keras import ops

from keras_refcal.predictions import as_outputs


def maps_of_labels(calibrator, columns):
    """Returns a built calibrator of one column for each label.

    Args:
        calibrator: What each is like.
        columns: Number of labels.
    """
    config = {**calibrator.get_config(), "multi_label": False}
    maps = [
        type(calibrator).from_config({**config, "name": f"label_{number}"})
        for number in range(columns)
    ]
    for layer in maps:
        layer.build((None, 1))
        layer.built = True
    return maps


def calibrated_labels(maps, scores):
    """Returns the probabilities of all labels, shape `(n, labels)`."""
    parts = [layer(scores[:, k : k + 1]) for k, layer in enumerate(maps)]
    return ops.concatenate(parts, axis=-1)


def fit_labels(calibrator, rows, class_weight, ignore_class):
    """Fits the map of each label to the rows in which it is not ignored.

    Args:
        calibrator: Has the maps as `of_labels`, once it is built.
        rows: `predictions.rows.Rows`.
        class_weight: See `Calibrator.fit`.
        ignore_class: See `Calibrator.fit`.
    """
    scores = as_outputs("logits", rows.outputs)
    labels = rows.labels.reshape(len(rows.labels), -1)
    if labels.shape != scores.shape:
        raise ValueError(
            "With `multi_label=True`, `y_true` must hold a 0 or 1 for each of the "
            f"labels, shape {scores.shape}. Received shape: {labels.shape}"
        )
    calibrator.build_for(scores)
    for number, layer in enumerate(calibrator.of_labels):
        if np.all(labels[:, number] == ignore_class):
            calibrator.warn(f"leaves label {number} as it is: all of it is ignored")
            continue
        column = labels[:, number], scores[:, number], rows.weights
        layer.fit(*column, class_weight, ignore_class)
