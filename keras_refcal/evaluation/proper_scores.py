"""Brier score and negative log-likelihood, and what each is made of."""

import numpy as np

from keras_refcal.evaluation.chunks import row_chunks
from keras_refcal.evaluation.counts import BinCounts, weighted_sum
from keras_refcal.evaluation.inputs import Predictions
from keras_refcal.fitting.temperature import best_temperature, margins

# A probability of 0 is read as this where its logarithm must be finite.
MIN_PROBABILITY = 1e-30
# Of the logarithm of the temperature. The loss is quadratic in the error.
TOLERANCE = 1e-5


def brier_score(predictions: Predictions) -> float:
    """Returns the mean over samples of the squared distance to one-hot, 0 to 2."""
    total = 0.0
    for rows in row_chunks(predictions.probabilities):
        block = predictions.probabilities[rows].astype("float64").ravel()
        total += block @ block
    total -= 2 * predictions.label_probability.sum(dtype="float64")
    return float(total / predictions.num_samples + 1)


def brier_calibration(classwise: BinCounts) -> float:
    """Returns the calibration part of the Brier score over classwise bins.

    It is the sum over classes of the mean squared gap of the bins: what the score
    falls by when each bin of each class predicts that class's frequency in it. The
    rest of the score is its refinement part.

    Args:
        classwise: Counters of shape `(K, num_bins)`.
    """
    return float(weighted_sum(classwise.share, classwise.gap**2).sum())


def negative_log_likelihood(log_label_probability, clip=0.0) -> float:
    """Returns the mean of minus the log-probability of the label, in nats.

    Infinite if a label has probability 0 and `clip` is 0.

    Args:
        log_label_probability: Shape `(n,)`.
        clip: Probabilities are first moved into `[clip, 1 - clip]`; Keras uses 1e-7,
            scikit-learn 2.2e-16.
    """
    log_label = np.asarray(log_label_probability)
    if clip:
        log_label = np.clip(log_label, np.log(clip), np.log1p(-clip))
    return float(0.0 - log_label.mean())


def temperature_refinement(predictions: Predictions) -> tuple[float, float]:
    """Returns the least NLL that one temperature reaches, and that temperature.

    This is refinement as the loss after recalibration (Berta et al. 2025,
    https://arxiv.org/abs/2501.19195), fitted on the samples it judges: with a single
    parameter the gain over a held-out fit is of order 1/n. It is the temperature that
    `layers.TemperatureScaling` fits, within the bounds of
    `fitting.temperature.best_temperature`, which also says what is taken where every
    answer is right, or none better than chance.

    Args:
        predictions: What to judge; probabilities of 0 are read as 1e-30.
    """
    best = best_temperature(_Blocks(predictions), predictions.num_samples, TOLERANCE)
    return best.loss, best.temperature


class _Blocks:
    """Margins of blocks of rows, made anew each time: they may not fit into memory."""

    def __init__(self, predictions):
        self.predictions = predictions

    def __iter__(self):
        given = self.predictions
        for rows in row_chunks(given.probabilities):
            labels = given.labels[rows]
            if given.logits is None:
                scores = np.log(np.maximum(given.probabilities[rows], MIN_PROBABILITY))
            else:
                scores = given.logits[rows].astype("float64")
            weights = np.full(len(labels), 1 / given.num_samples)
            yield *margins(scores, labels), weights
