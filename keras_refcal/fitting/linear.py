"""Maximum likelihood for maps of logits that are linear: one vector, one matrix."""

import numpy as np

from keras_refcal.fitting.minimize import minimize
from keras_refcal.fitting.validation_set import log_softmax


def fit_vector(data, l2) -> tuple[np.ndarray, np.ndarray]:
    """Returns the scale and the bias of each class that minimise the loss.

    It is the mean of `-log softmax(scale * z + bias)_y`, plus `l2 / 2` times the sum
    of `(scale - 1)^2` and of `bias^2`. A class without samples keeps scale 1 and bias
    0; the other biases have mean 0, since a common change of theirs could only drive
    that class away.

    Args:
        data: A `ValidationSet`.
        l2: Number of 0 or more.
    """
    present, targets = data.present, data.targets
    classes = data.num_classes

    def objective(parameters):
        scale, bias = np.split(parameters, 2)
        value, error = _cross_entropy(data.logits * scale + bias, targets, data.weights)
        of_scale = np.sum(error * data.logits, axis=0) + l2 * (scale - 1)
        of_bias = error.sum(axis=0) + l2 * bias
        of_bias -= np.mean(of_bias[present])
        gradient = np.concatenate([of_scale * present, of_bias * present])
        penalty = l2 / 2 * (np.sum((scale - 1) ** 2) + np.sum(bias**2))
        return value + penalty, gradient

    start = np.concatenate([np.ones(classes), np.zeros(classes)])
    scale, bias = np.split(minimize(objective, start), 2)
    return scale, bias


def fit_matrix(data, reg_lambda, reg_mu) -> tuple[np.ndarray, np.ndarray]:
    """Returns the matrix `(K, K)` and the bias `(K,)` that minimise `odir_objective`.

    The row and the bias of a class without samples stay as they are in the identity.

    Args:
        data: A `ValidationSet`; its logits are what the matrix multiplies.
        reg_lambda: Number of 0 or more.
        reg_mu: Number of 0 or more.
    """
    classes, present = data.num_classes, data.present

    def objective(parameters):
        matrix, bias = _unpacked(parameters, classes)
        value, of_matrix, of_bias = odir_objective(
            matrix, bias, data, reg_lambda, reg_mu
        )
        of_matrix[~present] = 0.0
        return value, np.concatenate([of_matrix.ravel(), of_bias * present])

    start = np.concatenate([np.eye(classes).ravel(), np.zeros(classes)])
    return _unpacked(minimize(objective, start), classes)


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
    value, error = _cross_entropy(
        data.logits @ matrix.T + bias, data.targets, data.weights
    )
    off = matrix * (1 - np.eye(classes))
    of_off, of_bias = reg_lambda / (classes * (classes - 1)), reg_mu / classes
    value += of_off * np.sum(off**2) + of_bias * np.sum(bias**2)
    return (
        value,
        error.T @ data.logits + 2 * of_off * off,
        error.sum(axis=0) + 2 * of_bias * bias,
    )


def _cross_entropy(logits, targets, weights):
    """Returns the weighted mean and its gradient with respect to the logits."""
    log_p = log_softmax(logits)
    value = -float(weights @ np.sum(targets * log_p, axis=1))
    return value, (np.exp(log_p) - targets) * weights[:, None]


def _unpacked(parameters, classes):
    return parameters[:-classes].reshape(classes, classes), parameters[-classes:]
