"""The temperature that minimises the negative log-likelihood."""

import numpy as np

from keras_refcal.fitting.validation_set import NoMinimumError

# Temperatures from 1e-17 to 1e17 are searched.
LARGEST_LOG = 40.0


def best_temperature(data, tolerance=1e-10) -> float:
    """Returns the T > 0 that minimises the weighted mean of `-log softmax(z / T)_y`.

    The loss is convex in 1/T, so its slope changes sign once. The change is bracketed
    in log T, doubling from T = 1, and then found by Newton steps that fall back to
    bisection where they would leave the bracket.

    Args:
        data: A `ValidationSet`.
        tolerance: Largest error of log T.

    Raises:
        NoMinimumError: If the loss falls for ever as T grows (the labels are no
            likelier than chance) or as it shrinks (no label is beaten by another).
    """
    margins = data.logits - data.logits[np.arange(len(data.labels)), data.labels, None]
    low, high = _bracket(margins, data.weights)
    log_t = (low + high) / 2
    while high - low > tolerance:
        slope, curvature = _slope(margins, data.weights, log_t)
        if slope > 0:
            low = log_t
        else:
            high = log_t
        # slope is d/d(1/T); one unit of log T changes 1/T by -1/T.
        step = slope * np.exp(log_t) / curvature if curvature > 0 else np.inf
        log_t += step
        if abs(step) < tolerance / 2:
            break
        if not low < log_t < high:
            log_t = (low + high) / 2
    return float(np.exp(log_t))


def _bracket(margins, weights):
    """Returns logarithms of T, the slope positive at the lower one only."""
    slope, _ = _slope(margins, weights, 0.0)
    sign = 1 if slope > 0 else -1
    inner, outer = 0.0, 0.5
    while outer <= LARGEST_LOG:
        if (_slope(margins, weights, sign * outer)[0] > 0) != (slope > 0):
            return (inner, outer) if sign > 0 else (-outer, -inner)
        inner, outer = outer, 2 * outer
    raise NoMinimumError(
        "the labels are no likelier than chance, so that no finite temperature is best"
        if sign > 0
        else "no label is beaten by another class, so that no temperature is best"
    )


def _slope(margins, weights, log_t):
    """Returns first and second derivative of the loss with respect to 1/T."""
    scaled = margins * np.exp(-log_t)
    odds = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    odds /= odds.sum(axis=1, keepdims=True)
    mean = np.sum(odds * margins, axis=1)
    variance = np.sum(odds * margins**2, axis=1) - mean**2
    return weights @ mean, weights @ np.maximum(variance, 0.0)
