"""Maximum likelihood for maps of logits that are linear: one vector, one matrix.

Both are fitted to the classes that occur among the labels. One that does not keeps,
on average, the share of probability that the best temperature gives it.
"""

import numpy as np

from keras_refcal.fitting.minimize import minimize
from keras_refcal.fitting.shrinkage import fit_shrunk
from keras_refcal.fitting.validation_set import log_softmax

BISECTIONS, LARGEST_SHIFT = 60, 100.0


def fit_vector(data, l2=None) -> tuple[np.ndarray, np.ndarray]:
    """Returns the scale and the bias of each class that minimise the loss.

    Args:
        data: A `ValidationSet`.
        l2: Number of 0 or more, see `vector_objective`; `None` for `fit_shrunk`.
    """
    inside = data.of_present()
    if l2 is None:
        matrix, bias = fit_shrunk(inside, data.best, diagonal=True)
    else:

        def objective(parameters):
            value, *slopes = vector_objective(*np.split(parameters, 2), inside, l2)
            return value, np.concatenate(slopes)

        classes = inside.num_classes
        start = np.concatenate([np.ones(classes), np.zeros(classes)])
        scale, bias = np.split(minimize(objective, start), 2)
        matrix = np.diag(scale)
    matrix, bias = _of_all_classes(data, matrix, bias)
    return np.diag(matrix), bias


def vector_objective(scale, bias, data, l2):
    """Returns value and gradients of the loss of vector scaling.

    It is the mean of `-log softmax(scale * z + bias)_y`, plus `l2 / 2` times the sum
    of `(scale - 1)^2` and of `bias^2`.

    Args:
        scale: Shape `(K,)`.
        bias: Shape `(K,)`.
        data: A `ValidationSet`.
        l2: Number of 0 or more.

    Returns:
        The value, the gradient of the scale and that of the bias.
    """
    value, error = _cross_entropy(data.logits * scale + bias, data)
    value += l2 / 2 * (np.sum((scale - 1) ** 2) + np.sum(bias**2))
    return (
        value,
        np.sum(error * data.logits, axis=0) + l2 * (scale - 1),
        error.sum(axis=0) + l2 * bias,
    )


def fit_matrix(data, reg_lambda=None, reg_mu=None) -> tuple[np.ndarray, np.ndarray]:
    """Returns the matrix `(K, K)` and the bias `(K,)` that minimise the loss.

    Args:
        data: A `ValidationSet`; its logits are what the matrix multiplies.
        reg_lambda: Number of 0 or more, see `odir_objective`; `None` for
            `fit_shrunk`.
        reg_mu: Number of 0 or more, or `None`.
    """
    inside = data.of_present()
    if reg_lambda is None:
        return _of_all_classes(data, *fit_shrunk(inside, data.best))
    classes = inside.num_classes

    def objective(parameters):
        matrix, bias = _unpacked(parameters, classes)
        value, of_matrix, of_bias = odir_objective(
            matrix, bias, inside, reg_lambda, reg_mu
        )
        return value, np.concatenate([of_matrix.ravel(), of_bias])

    start = np.concatenate([np.eye(classes).ravel(), np.zeros(classes)])
    return _of_all_classes(data, *_unpacked(minimize(objective, start), classes))


def odir_objective(matrix, bias, data, reg_lambda, reg_mu):
    """Returns value and gradients of the loss with the ODIR penalty.

    It is the mean of `-log softmax(matrix @ z + bias)_y`, plus `reg_lambda` times the
    mean square off the diagonal and `reg_mu` times the mean square of the bias.

    Paper: Kull et al. 2019, https://arxiv.org/abs/1910.12656, section 4.

    Args:
        matrix: Shape `(K, K)`; entry i, j multiplies input j for output i.
        bias: Shape `(K,)`.
        data: A `ValidationSet`.
        reg_lambda: Number of 0 or more.
        reg_mu: Number of 0 or more.

    Returns:
        The value, the gradient of the matrix and that of the bias.
    """
    classes = data.num_classes
    value, error = _cross_entropy(data.logits @ matrix.T + bias, data)
    off = matrix * (1 - np.eye(classes))
    of_off, of_bias = reg_lambda / (classes * (classes - 1)), reg_mu / classes
    value += of_off * np.sum(off**2) + of_bias * np.sum(bias**2)
    return (
        value,
        error.T @ data.logits + 2 * of_off * off,
        error.sum(axis=0) + 2 * of_bias * bias,
    )


def _cross_entropy(logits, data):
    """Returns the weighted mean and its gradient with respect to the logits."""
    rows = np.arange(len(data.labels))
    log_p = log_softmax(logits)
    value = -float(data.weights @ log_p[rows, data.labels])
    error = np.exp(log_p)
    error[rows, data.labels] -= 1
    return value, error * data.weights[:, None]


def _unpacked(parameters, classes):
    return parameters[:-classes].reshape(classes, classes), parameters[-classes:]


def _of_all_classes(data, matrix, bias):
    """Returns the map of all classes from that of those that occur."""
    present = data.present
    if present.all():
        return matrix, bias
    tempered = data.logits / data.best.temperature
    whole = np.eye(data.num_classes) / data.best.temperature
    whole[np.ix_(present, present)] = matrix
    biases = np.zeros(data.num_classes)
    biases[present] = bias
    before = _log_odds(tempered, ~present)
    after = _log_odds(data.logits @ whole.T + biases, ~present)
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
