"""The loss that one temperature leaves: refinement, fitted in sample or across folds.

Recalibration with a single temperature divides a proper score into a calibration part,
what it saves, and a refinement part, what it leaves (Berta et al. 2025,
https://arxiv.org/abs/2501.19195).
"""

import dataclasses

import numpy as np

from keras_refcal.fitting.temperature import (
    best_temperature,
    margins,
    scaled_brier,
    scaled_loss,
)
from keras_refcal.fitting.validation_set import folds_of, log_softmax
from keras_refcal.predictions import Predictions
from keras_refcal.predictions.chunks import row_chunks

# A probability of 0 is read as this where its logarithm must be finite.
MIN_PROBABILITY = 1e-30
# Of the logarithm of the temperature. The loss is quadratic in the error.
TOLERANCE = 1e-5
FOLDS = 5


@dataclasses.dataclass(frozen=True)
class Refinement:
    """What is left of two proper scores after recalibration by temperature.

    Attributes:
        nll: Negative log-likelihood, in nats.
        brier: Brier score, 0 to 2.
    """

    nll: float
    brier: float


def in_sample_refinement(predictions: Predictions) -> tuple[Refinement, float]:
    """Returns what the best temperature leaves of the samples that it was fitted to.

    It is the temperature that `layers.TemperatureScaling` fits: that of least NLL
    within the bounds of `fitting.temperature.best_temperature`, which also says what is
    taken where every answer is right, or none better than chance. With a single
    parameter the gain over a held-out fit is of order 1/n.

    Args:
        predictions: What to judge; probabilities of 0 are read as 1e-30.

    Returns:
        The refinement, and the temperature.
    """
    rows = np.ones(predictions.num_samples, bool)
    temperature = _fit(predictions, rows, start=1.0)
    return _left(predictions, rows, temperature), temperature


@dataclasses.dataclass(frozen=True)
class CrossFit:
    """Temperatures, each fitted to all samples but those of a fold.

    Attributes:
        fold_of: Fold of each sample, shape `(n,)`.
        temperatures: One for each fold.
    """

    fold_of: np.ndarray
    temperatures: tuple[float, ...]

    @classmethod
    def of(cls, predictions: Predictions, folds=FOLDS, seed=0, start=1.0):
        """Fits the temperatures.

        Args:
            predictions: What to judge; probabilities of 0 are read as 1e-30.
            folds: Whole number of 2 or more; with fewer samples, one a fold.
            seed: Seed of the folds, which every class is spread over evenly.
            start: A temperature near the best one, which makes it faster.

        Returns:
            The temperatures; none for a single sample.
        """
        samples = predictions.num_samples
        folds = min(folds, samples) if samples > 1 else 0
        fold_of = folds_of(predictions.labels, max(folds, 1), seed)
        fitted = (_fit(predictions, fold_of != fold, start) for fold in range(folds))
        return cls(fold_of, tuple(fitted))

    def refinement(self, predictions: Predictions) -> Refinement:
        """Returns what temperatures leave of samples that they were not fitted to.

        NaN for a single sample.
        """
        if not self.temperatures:
            return Refinement(np.nan, np.nan)
        nll = brier = 0.0
        for fold, temperature in enumerate(self.temperatures):
            rows = self.fold_of == fold
            left = _left(predictions, rows, temperature)
            share = _weight(predictions, rows).sum() / predictions.total
            nll += share * left.nll
            brier += share * left.brier
        return Refinement(nll, brier)

    def probabilities(self, predictions: Predictions, rows) -> np.ndarray:
        """Returns some rows after the temperatures of the other folds, `(rows, K)`."""
        temperatures = np.array(self.temperatures)[self.fold_of[rows], None]
        return np.exp(log_softmax(_logits(predictions, rows) / temperatures))


def _fit(predictions, rows, start):
    blocks, weight = _Blocks(predictions, rows), _weight(predictions, rows)
    samples = weight.sum() ** 2 / (weight @ weight)
    return best_temperature(blocks, samples, TOLERANCE, start).temperature


def _left(predictions, rows, temperature):
    blocks = _Blocks(predictions, rows)
    nll = scaled_loss(blocks, 1 / temperature)[0]
    return Refinement(nll, scaled_brier(blocks, 1 / temperature))


class _Blocks:
    """Margins of blocks of some rows, made anew each time: all may not fit.

    Args:
        predictions: `Predictions`.
        rows: Which rows, booleans of shape `(n,)`.
    """

    def __init__(self, predictions, rows):
        self.predictions, self.rows = predictions, rows

    def __iter__(self):
        given, total = self.predictions, _weight(self.predictions, self.rows).sum()
        for block in row_chunks(given.probabilities):
            rows = np.flatnonzero(self.rows[block]) + block.start
            labels = given.labels[rows]
            logits = _logits(given, rows)
            yield *margins(logits, labels), _weight(given, rows) / total


def _weight(predictions, rows):
    """Returns the weights of some rows, 1 each where there are none."""
    weights = predictions.weights
    return np.ones(len(predictions.labels[rows])) if weights is None else weights[rows]


def _logits(predictions, rows):
    """Returns the logits of some rows, or the logarithms of their probabilities."""
    if predictions.logits is None:
        return np.log(np.maximum(predictions.probabilities[rows], MIN_PROBABILITY))
    return predictions.logits[rows].astype("float64")
