"""Class rates of unlabelled data, from what a classifier says of them."""

import numpy as np

STEPS, TOLERANCE = 10_000, 1e-12


def shifted(probabilities, ratio) -> np.ndarray:
    """Returns what probabilities become where each class is so many times as frequent.

    Args:
        probabilities: Shape `(n, K)`.
        ratio: New rate over old rate of each class, shape `(K,)`.

    >>> shifted(np.array([[0.5, 0.5]]), np.array([1.5, 0.5])).tolist()
    [[0.75, 0.25]]
    """
    odds = probabilities * ratio
    return odds / odds.sum(axis=1, keepdims=True)


def estimated_rates(probabilities, training_rates, weights=None) -> np.ndarray:
    """Returns the class rates under which unlabelled predictions are likeliest.

    Expectation-maximisation: the rates become the mean of the shifted probabilities
    until they no longer move. It is right where the probabilities are calibrated on
    training data and classes look as they did there.

    Paper: Saerens et al. 2002, https://doi.org/10.1162/089976602753284446.

    Args:
        probabilities: Shape `(n, K)`, rows sum to 1.
        training_rates: Rate of each class in the training data, shape `(K,)`.
        weights: Shape `(n,)`, or `None` for 1 each.

    >>> p = np.array([[0.9, 0.1], [0.9, 0.1], [0.1, 0.9]])
    >>> estimated_rates(p, np.array([0.5, 0.5])).round(3).tolist()
    [0.708, 0.292]
    """
    rates = np.asarray(training_rates, "float64")
    for _ in range(STEPS):
        posterior = shifted(probabilities, rates / training_rates)
        before, rates = rates, np.average(posterior, axis=0, weights=weights)
        if np.abs(rates - before).max() < TOLERANCE:
            break
    return rates
