"""The calibration error of all classes at once, by cross-fitted recalibration."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from keras_refcal.evaluation.refinement import FOLDS, CrossFit
from keras_refcal.fitting.validation_set import folds_of
from keras_refcal.predictions import Predictions, as_predictions
from keras_refcal.predictions.chunks import row_chunks

TINY = 1e-300


def proper_calibration_error(
    y_true: ArrayLike,
    probabilities: ArrayLike | None = None,
    *,
    logits: ArrayLike | None = None,
    p: int = 2,
    recalibration: Any = None,
    folds: Any = FOLDS,
    seed: int = 0,
) -> float:
    """Returns the Lp calibration error of whole rows of probabilities.

    It is the mean distance between the probabilities f of a sample and how often each
    class is right where the model says f, E |E[Y | f] - f|_p. That frequency cannot be
    seen, where no two rows are alike. But for any recalibration g, fitted to other
    samples than it is judged on,

        E <d/|d|, Y - f>, with d = g(f) - f and d/|d| the subgradient of the norm,

    is at most the error, and equal to it for the best g. Its mean over folds is
    returned. No bins, no bias upwards: a calibrated model has 0 in the mean, and so a
    single value may be a little below 0. What the recalibration cannot repair is not
    seen: a richer one may find more, if there are samples enough for it.

    Args:
        y_true: Class ids, shape `(n,)`, or one-hot rows `(n, K)`.
        probabilities: Rows that sum to 1, shape `(n, K)`; for two classes also the
            probability of class 1. Two classes count as two columns.
        logits: In place of `probabilities`, the same shapes.
        p: Number of 1 or more, or `math.inf`: the norm over classes.
        recalibration: A function that returns a new calibrator of probabilities, which
            has `fit(labels, probabilities)` and is called with probabilities, as
            `lambda: layers.VectorScaling(from_logits=False)`. `None` fits a
            temperature.
        folds: Whole number of 2 or more.
        seed: Seed of the folds, which every class is spread over evenly.

    Returns:
        The error, at most 1 for `p=inf`, 2 for `p=1`; NaN for a single sample.

    Raises:
        ValueError: If predictions are not as above, or `p` is less than 1.

    Reference:
        Gruber and Buettner, 2022, https://arxiv.org/abs/2203.07835 (proper calibration
        errors); Berta et al., 2025, https://arxiv.org/abs/2501.19195 (as what
        recalibration saves).

    >>> import numpy as np
    >>> p = np.full((100, 2), [0.9, 0.1])  # and class 0 is right 60 times in 100
    >>> labels = np.arange(100) % 5 >= 3
    >>> round(proper_calibration_error(labels, p, p=1), 2)  # |0.6 - 0.9| + |0.4 - 0.1|
    0.6
    """
    if not p >= 1:
        raise ValueError(f"`p` must be 1 or more, or infinity. Received: {p!r}")
    predictions = as_predictions(y_true, probabilities, logits)
    samples = predictions.num_samples
    if samples < 2:
        return float("nan")
    if recalibration is None:
        fit = CrossFit.of(predictions, folds, seed)
        return tempered_error(predictions, fit, p)
    fold_of = folds_of(predictions.labels, min(folds, samples), seed)
    repaired = _recalibrated(predictions, fold_of, recalibration)
    return float(np.mean(_gains(predictions, slice(None), repaired, p)))


def tempered_error(predictions: Predictions, fit: CrossFit, p=2) -> float:
    """Returns the proper calibration error by temperatures, NaN if there are none."""
    if not fit.temperatures:
        return float("nan")
    gains = (
        _gains(predictions, rows, fit.probabilities(predictions, rows), p).sum()
        for rows in row_chunks(predictions.probabilities)
    )
    return float(sum(gains) / predictions.num_samples)


def _gains(predictions, rows, repaired, p):
    """Returns `<d/|d|, y - f>` of some samples, `repaired` being g(f)."""
    given = predictions.probabilities[rows]
    difference = repaired - given.astype("float64")
    size = np.abs(difference)
    places = np.arange(len(size))
    if np.isinf(p):
        slope = np.zeros(size.shape)
        largest = np.argmax(size, axis=1)
        slope[places, largest] = np.sign(difference[places, largest])
    else:
        # Of the largest, so that no power leaves the range of floats.
        ratio = size / np.maximum(size.max(axis=1, keepdims=True), TINY)
        norm = np.sum(ratio**p, axis=1, keepdims=True) ** (1 / p)
        slope = np.sign(difference) * (ratio / np.maximum(norm, TINY)) ** (p - 1)
    expected = np.einsum("ij,ij->i", slope, given)
    return slope[places, predictions.labels[rows]] - expected


def _recalibrated(predictions, fold_of, recalibration):
    """Returns every row after the calibrator of the other folds, shape `(n, K)`."""
    repaired = np.empty(predictions.probabilities.shape)
    for fold in np.unique(fold_of):
        rows = fold_of == fold
        calibrator = recalibration()
        calibrator.fit(predictions.labels[~rows], predictions.probabilities[~rows])
        repaired[rows] = np.asarray(calibrator(predictions.probabilities[rows]))
    return repaired
