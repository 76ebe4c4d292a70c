"""Maximum likelihood for maps of logits that are linear: one vector, one matrix.

They are fitted to the classes that occur among the labels. One that does not keeps,
on average, the share of probability that the best temperature gives it.
"""

import dataclasses

import numpy as np

from keras_refcal.fitting.affine import AffineFit, Penalty
from keras_refcal.fitting.mixtures import laplace_share, mixed_with_uniform
from keras_refcal.fitting.shrinkage import fit_shrunk
from keras_refcal.fitting.validation_set import log_softmax

BISECTIONS, LARGEST_SHIFT = 60, 100.0


def fit_vector(data, l2=None) -> tuple[np.ndarray, np.ndarray]:
    """Returns the scale and the bias of each class that minimise the loss.

    Args:
        data: A `ValidationSet`.
        l2: Number of 0 or more: `l2 / 2` times the sum of `(scale - 1)^2` and of
            `bias^2` is added to the loss; `None` for `fit_shrunk`.
    """
    if l2 is None:
        return _fit_tempered(data, diagonal=True)
    return _fit_penalised(data, Penalty(l2 / 2, l2 / 2), diagonal=True)


def fit_matrix(data, reg_lambda=None, reg_mu=None) -> tuple[np.ndarray, np.ndarray]:
    """Returns the matrix `(K, K)` and the bias `(K,)` that minimise the loss.

    Args:
        data: A `ValidationSet`; its logits are what the matrix multiplies.
        reg_lambda: Number of 0 or more, see `odir_penalty`; `None` for `fit_shrunk`.
        reg_mu: Number of 0 or more, or `None`.
    """
    if reg_lambda is None:
        return _fit_tempered(data, diagonal=False)
    classes = int(data.present.sum())
    return _fit_penalised(data, odir_penalty(classes, reg_lambda, reg_mu), False)


def odir_penalty(classes, reg_lambda, reg_mu) -> Penalty:
    """Returns `reg_lambda` of the mean square off the diagonal, `reg_mu` of the bias.

    Paper: Kull et al. 2019, https://arxiv.org/abs/1910.12656, section 4.
    """
    return Penalty(0.0, reg_mu / classes, reg_lambda / (classes * (classes - 1)))


def fit_structured(data, diagonal, strength=None):
    """Returns temperature, mixed share, matrix or its diagonal, and bias.

    The map is `softmax(matrix @ log q + bias)`, where q is `softmax(z / T)`, mixed
    with a share of the uniform distribution.

    Paper: Berta et al. 2026, Structured matrix scaling for multi-class calibration.

    Args:
        data: A `ValidationSet`.
        diagonal: Whether to return a diagonal.
        strength: See `fit_shrunk`.
    """
    temperature, share = data.best.temperature, laplace_share(data.samples)
    log_p = log_softmax(data.logits / temperature)
    log_q = np.log(mixed_with_uniform(np.exp(log_p, out=log_p), share), out=log_p)
    mixed = dataclasses.replace(data, logits=log_q)
    found = fit_shrunk(mixed.of_present(), data.best, diagonal, strength)
    return temperature, share, *_of_all_classes(mixed, found, 1.0, diagonal)


def _fit_tempered(data, diagonal):
    temperature = data.best.temperature
    tempered = dataclasses.replace(data, logits=data.logits / temperature)
    found = fit_shrunk(tempered.of_present(), data.best, diagonal)
    slopes, bias = _of_all_classes(tempered, found, 1.0, diagonal)
    return slopes / temperature, bias


def _fit_penalised(data, penalty, diagonal):
    inside = data.of_present()
    centre = np.zeros(inside.num_classes)
    change = AffineFit(inside, centre, diagonal).solve(inside, penalty)
    kept = 1 / data.best.temperature
    return _of_all_classes(data, change.map(centre), kept, diagonal)


def _of_all_classes(data, found, kept, diagonal):
    """Returns the map of all classes from that of those that occur.

    Args:
        data: A `ValidationSet`.
        found: Matrix, or its diagonal, and bias of the classes that occur; `None` for
            the identity.
        kept: What makes logits of the best temperature of those of the data.
        diagonal: Whether the map is a diagonal.
    """
    present, classes = data.present, data.num_classes
    whole = kept * (np.ones(classes) if diagonal else np.eye(classes))
    biases = np.zeros(classes)
    if found is None:
        return whole, biases
    places = present if diagonal else np.ix_(present, present)
    whole[places], biases[present] = found
    if present.all():
        return whole, biases
    mapped = data.logits * whole if diagonal else data.logits @ whole.T
    before = _log_odds(data.logits * kept, ~present)
    after = _log_odds(mapped + biases, ~present)
    biases[~present] = _shift_to(data.weights @ _sigmoid(before), after, data.weights)
    return whole, biases


def _shift_to(share, log_odds, weights):
    """Returns what must be added to log-odds for the mean probability `share`."""
    low, high = -LARGEST_SHIFT, LARGEST_SHIFT
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        below = weights @ _sigmoid(log_odds + middle) < share
        low, high = (middle, high) if below else (low, middle)
    return (low + high) / 2


def _log_odds(logits, some):
    """Returns the log-odds of some classes together, shape `(n,)`."""
    inside, others = logits[:, some], logits[:, ~some]
    return np.logaddexp.reduce(inside, axis=1) - np.logaddexp.reduce(others, axis=1)


def _sigmoid(x):
    return np.exp(-np.logaddexp(0, -x))
