"""Brier score and negative log-likelihood, and what each is made of."""

import numpy as np

from keras_refcal.evaluation.counts import BinCounts, weighted_sum
from keras_refcal.evaluation.inputs import Predictions, row_chunks

# A probability of 0 is read as this where its logarithm must be finite.
MIN_PROBABILITY = 1e-30
INVERSE_TEMPERATURES = (1e-3, 1e3)
# Newton converges in fewer steps unless the classes are separable, where each step
# gains little; bisection then ends at the bound. The loss is quadratic in the error.
NEWTON_STEPS, BISECTIONS, TOLERANCE = 10, 24, 1e-5


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
    parameter the gain over a held-out fit is of order 1/n. NLL is convex in 1/T;
    safeguarded Newton steps on it stay between T = 0.001 and 1000, where it ends
    if every answer is right or every one wrong.

    Args:
        predictions: What to judge; probabilities of 0 are read as 1e-30.
    """
    low, high = INVERSE_TEMPERATURES
    inverse = 1.0
    for attempt in range(NEWTON_STEPS + BISECTIONS):
        loss, slope, curvature = _scaled_loss(predictions, inverse)
        if slope == 0:
            break
        low, high = (inverse, high) if slope < 0 else (low, inverse)
        newton = attempt < NEWTON_STEPS and curvature > 0
        step = inverse - slope / curvature if newton else np.nan
        proposal = step if low < step < high else np.sqrt(low * high)
        if abs(proposal - inverse) <= TOLERANCE * inverse:
            break
        inverse = proposal
    return float(loss), float(1 / inverse)


def _scaled_loss(predictions, inverse):
    """Returns NLL, slope and curvature in the inverse temperature."""
    loss = slope = curvature = 0.0
    for rows in row_chunks(predictions.probabilities):
        margins = _margins(predictions, rows)
        odds = np.exp(margins * np.asarray(inverse, margins.dtype))
        total = odds.sum(axis=1, dtype="float64")
        first = np.einsum("ij,ij->i", odds, margins) / total
        odds *= margins
        second = np.einsum("ij,ij->i", odds, margins) / total
        label = margins[np.arange(len(margins)), predictions.labels[rows]]
        label = label.astype("float64")
        loss += np.sum(np.log(total) - inverse * label)
        slope += np.sum(first - label)
        curvature += np.sum(second - first**2)
    count = predictions.num_samples
    return loss / count, slope / count, curvature / count


def _margins(predictions, rows):
    """Returns logits, or log-probabilities, minus each row's largest."""
    if predictions.logits is None:
        scores = np.log(np.maximum(predictions.probabilities[rows], MIN_PROBABILITY))
    else:
        scores = predictions.logits[rows].astype("float64")
    return scores - scores.max(axis=1, keepdims=True)
