"""Logistic regression with few features, some coefficients held at 0 or more."""

import itertools

import numpy as np

# Half the squared coefficients of features of scale 1: they stay finite.
PENALTY = 1e-9
# Halved where a step would raise the loss, Newton's method converges on convex ones.
NEWTON_STEPS, TOLERANCE = 100, 1e-20


def fit_logistic(features, targets, weights, non_negative=()) -> np.ndarray:
    """Returns the coefficients of least weighted cross-entropy.

    The loss is convex, so that under the bounds the best of the minima with some of
    the bounded coefficients left out is the minimum.

    Args:
        features: Shape `(n, d)`.
        targets: In [0, 1], shape `(n,)`.
        weights: Of sum 1, shape `(n,)`.
        non_negative: Positions of the coefficients that must not be negative.
    """
    best, best_loss = None, np.inf
    bounded = tuple(non_negative)
    for count in range(len(bounded) + 1):
        for left_out in itertools.combinations(bounded, count):
            kept = np.setdiff1d(np.arange(features.shape[1]), left_out)
            coefficients = np.zeros(features.shape[1])
            coefficients[kept] = _unbounded(features[:, kept], targets, weights)
            loss = _loss(features, targets, weights, coefficients)
            feasible = all(coefficients[position] >= 0 for position in bounded)
            if feasible and loss < best_loss:
                best, best_loss = coefficients, loss
        if best is not None and count == 0:
            break
    return best


def finite_targets(scores, targets, weights) -> np.ndarray:
    """Returns targets for which a logistic map of the scores has finite coefficients.

    Where a score tells the two kinds of samples apart without error, no finite slope
    is best. The targets are then Platt's, `(n + 1) / (n + 2)` for n samples of target 1
    and `1 / (m + 2)` for m of target 0.

    Paper: Platt, 1999, Probabilistic outputs for support vector machines.

    Args:
        scores: Shape `(n,)`.
        targets: 0 or 1, shape `(n,)`.
        weights: In samples, shape `(n,)`.

    >>> finite_targets(np.array([1.0, 2.0]), np.array([0.0, 1.0]), np.ones(2)).round(2)
    array([0.33, 0.67])
    """
    ones, zeros = scores[targets == 1], scores[targets == 0]
    if len(ones) == 0 or len(zeros) == 0:
        return targets
    if zeros.max() > ones.min() and ones.max() > zeros.min():
        return targets
    total_ones = weights @ targets
    total_zeros = weights.sum() - total_ones
    return np.where(
        targets == 1, (total_ones + 1) / (total_ones + 2), 1 / (total_zeros + 2)
    )


def _unbounded(features, targets, weights):
    scale = np.sqrt(weights @ features**2) + 1e-12
    scaled = features / scale

    def loss(coefficients):
        penalty = PENALTY / 2 * coefficients @ coefficients
        return _loss(scaled, targets, weights, coefficients) + penalty

    coefficients = np.zeros(features.shape[1])
    value = loss(coefficients)
    for _ in range(NEWTON_STEPS):
        p = _sigmoid(scaled @ coefficients)
        slope = scaled.T @ (weights * (p - targets)) + PENALTY * coefficients
        bend = scaled.T @ (scaled * (weights * p * (1 - p))[:, None])
        step = -np.linalg.solve(bend + PENALTY * np.eye(len(slope)), slope)
        if -slope @ step < TOLERANCE:
            break
        length = 1.0
        while not loss(coefficients + length * step) < value and length > 1e-9:
            length /= 2
        if length <= 1e-9:
            break
        coefficients = coefficients + length * step
        value = loss(coefficients)
    return coefficients / scale


def _loss(features, targets, weights, coefficients):
    log_odds = features @ coefficients
    return float(weights @ (np.logaddexp(0, log_odds) - targets * log_odds))


def _sigmoid(x):
    return np.exp(-np.logaddexp(0, -x))
