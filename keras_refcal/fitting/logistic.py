"""Logistic regression with few features, some coefficients held at 0 or more."""

import itertools

import numpy as np

from keras_refcal.fitting.minimize import minimize


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


def _unbounded(features, targets, weights, l2=1e-9):
    scale = np.sqrt(weights @ features**2) + 1e-12
    scaled = features / scale

    def objective(coefficients):
        error = _sigmoid(scaled @ coefficients) - targets
        value = _loss(scaled, targets, weights, coefficients)
        value += l2 / 2 * coefficients @ coefficients
        return value, scaled.T @ (weights * error) + l2 * coefficients

    return minimize(objective, np.zeros(features.shape[1])) / scale


def _loss(features, targets, weights, coefficients):
    log_odds = features @ coefficients
    return float(weights @ (np.logaddexp(0, log_odds) - targets * log_odds))


def _sigmoid(x):
    return np.exp(-np.logaddexp(0, -x))
