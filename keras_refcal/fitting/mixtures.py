"""Probabilities that are mixed with others, and the shares of the mixture."""

import numpy as np


def laplace_share(samples) -> float:
    """Returns the share of the uniform distribution that n samples leave open.

    As in Laplace's rule of succession, one sample more may be anything.

    >>> laplace_share(99)
    0.01
    """
    return 1 / (samples + 1)


def mixed_with_uniform(probabilities, share):
    """Returns probabilities of which a share is spread evenly over the classes.

    Args:
        probabilities: Array or tensor, shape `(n, K)`.
        share: Number from 0 to 1.

    >>> mixed_with_uniform(np.array([[1.0, 0.0]]), 0.1).tolist()
    [[0.9500000000000001, 0.05]]
    """
    return (1.0 - share) * probabilities + share / probabilities.shape[-1]


def mixture_shares(parts, weights) -> np.ndarray:
    """Returns the shares, of sum 1, of the mixture that makes the labels likeliest.

    Args:
        parts: Probability that each of m distributions gives the label, `(n, m)`.
        weights: Of sum 1, shape `(n,)`.

    >>> mixture_shares(np.array([[0.9, 0.5], [0.1, 0.5]]), np.ones(2) / 2).round(3)
    array([0., 1.])
    """
    import scipy.optimize

    def objective(shares):
        # Least where the shares sum to 1, which they need not be told.
        mixed = np.maximum(parts @ shares, np.finfo("float64").tiny)
        value = shares.sum() - weights @ np.log(mixed)
        return value, 1 - (weights / mixed) @ parts

    found = scipy.optimize.minimize(
        objective,
        np.full(parts.shape[1], 1 / parts.shape[1]),
        jac=True,
        method="L-BFGS-B",
        bounds=[(0, 1)] * parts.shape[1],
        options={"ftol": 1e-14, "gtol": 1e-9},
    ).x
    return found / found.sum()
