"""Brier score and negative log-likelihood."""

import numpy as np

from keras_refcal.predictions import Predictions
from keras_refcal.predictions.chunks import row_chunks


def brier_score(predictions: Predictions) -> float:
    """Returns the mean over samples of the squared distance to one-hot, 0 to 2."""
    weights, total = predictions.weights, 0.0
    for rows in row_chunks(predictions.probabilities):
        block = predictions.probabilities[rows].astype("float64")
        if weights is None:
            total += block.ravel() @ block.ravel()
        else:
            total += weights[rows] @ np.einsum("ij,ij->i", block, block)
    of_label = predictions.label_probability.astype("float64")
    total -= 2 * (of_label.sum() if weights is None else weights @ of_label)
    return float(total / predictions.total + 1)


def negative_log_likelihood(log_label_probability, clip=0.0, weights=None) -> float:
    """Returns the mean of minus the log-probability of the label, in nats.

    Infinite if a label has probability 0 and `clip` is 0.

    Args:
        log_label_probability: Shape `(n,)`.
        clip: Probabilities are first moved into `[clip, 1 - clip]`; Keras uses 1e-7,
            scikit-learn 2.2e-16.
        weights: Above 0, shape `(n,)`, or `None` for 1 each.
    """
    log_label = np.asarray(log_label_probability)
    if clip:
        log_label = np.clip(log_label, np.log(clip), np.log1p(-clip))
    return float(0.0 - np.average(log_label, weights=weights))
