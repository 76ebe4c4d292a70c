import dataclasses

import numpy as np
import pytest
import scipy.optimize
from calibration_data import overconfident

from keras_refcal.fitting.affine import AffineFit, Change, Penalty, affine_loss
from keras_refcal.fitting.linear import fit_matrix, fit_vector
from keras_refcal.fitting.shrinkage import structured_penalty
from keras_refcal.fitting.validation_set import ValidationSet, log_softmax


def as_set(labels, logits):
    weights = np.random.default_rng(0).random(len(labels)) + 0.5
    return ValidationSet(labels, logits.astype("float64"), weights / weights.sum())


@pytest.mark.parametrize("shape", [(4,), (4, 4)])
def test_the_gradient_of_an_affine_map_is_that_of_its_value(shape, monkeypatch):
    monkeypatch.setattr("keras_refcal.fitting.affine.VALUES_AT_ONCE", 48)
    data = as_set(*overconfident(samples=40))
    # Away from the optimum, where each term of the gradient shows.
    point = np.random.default_rng(1).normal(size=np.prod(shape) + 4)

    def loss(point):
        return affine_loss(point[:-4].reshape(shape), point[-4:], data)

    value, of_matrix, of_bias = loss(point)
    matrix = point[:-4].reshape(shape)
    matrix = np.diag(matrix) if matrix.ndim == 1 else matrix
    log_p = log_softmax(data.logits @ matrix.T + point[-4:])
    expected = -data.weights @ log_p[np.arange(40), data.labels]
    assert value == pytest.approx(expected, rel=1e-12)
    numeric = scipy.optimize.approx_fprime(point, lambda x: loss(x)[0], 1e-6)
    np.testing.assert_allclose([*of_matrix.ravel(), *of_bias], numeric, atol=1e-4)


@pytest.mark.parametrize("diagonal", [True, False])
@pytest.mark.parametrize("centred", [True, False])
def test_a_fit_is_the_minimum_that_scipy_finds(diagonal, centred):
    data = as_set(*overconfident(samples=120, classes=3))
    data = dataclasses.replace(data, logits=data.logits + np.array([2.0, 0, -1]))
    centre = data.weights @ data.logits if centred else np.zeros(3)
    penalty = Penalty(0.02, 0.05, 0.1)
    size = 3 if diagonal else 9

    def objective(point):
        matrix, bias = point[:size], point[size:]
        change = np.diag(matrix) if diagonal else matrix.reshape(3, 3)
        mapped = data.logits + (data.logits - centre) @ change.T + bias
        log_p = log_softmax(mapped)[np.arange(120), data.labels]
        squares = change**2
        on = np.trace(squares)
        off = squares.sum() - on
        return -data.weights @ log_p + 0.02 * on + 0.1 * off + 0.05 * bias @ bias

    theirs = scipy.optimize.minimize(objective, np.zeros(size + 3), tol=1e-9)
    found = AffineFit(data, centre, diagonal).solve(data, penalty)
    matrix, bias = found.map(centre)
    change = matrix - 1 if diagonal else matrix - np.eye(3)
    shift = (np.diag(change) if diagonal else change) @ centre
    ours = np.concatenate([change.ravel(), bias + shift])
    np.testing.assert_allclose(ours, theirs.x, atol=1e-4)
    assert objective(ours) <= theirs.fun + 1e-9


def test_the_split_of_a_diagonal_costs_what_the_penalty_says():
    penalty = structured_penalty(1.0, 5, 100)
    whole = np.random.default_rng(0).normal(size=5)
    share = penalty.diagonal / penalty.mixing
    split = Change(whole * (1 - share), np.zeros(5), np.diag(whole * share))
    value, _ = penalty.value_and_gradient(split)
    assert value == pytest.approx(5 / 100 * whole @ whole)


def prior_shifted(samples=1500, classes=6):
    """Logits whose biases and mixture are wrong, beside the temperature."""
    labels, logits = overconfident(0, samples, classes)
    logits = logits + np.linspace(-4, 4, classes)
    return labels, (logits @ (np.eye(classes) + 0.3 * np.eye(classes, k=1)))


@pytest.mark.parametrize("fit", [fit_vector, fit_matrix])
def test_shrinks_less_where_there_is_more_to_learn(fit):
    labels, logits = prior_shifted()
    data = as_set(labels[:1000], logits[:1000])
    slopes, bias = fit(data)
    mapped = logits * slopes if slopes.ndim == 1 else logits @ slopes.T
    tempered = log_softmax(logits / data.best.temperature)[1000:]
    found = log_softmax(mapped + bias)[1000:]
    rows = np.arange(500), labels[1000:]
    assert found[rows].mean() > tempered[rows].mean() + 0.02


@pytest.mark.parametrize("fit", [fit_vector, fit_matrix])
def test_is_one_temperature_where_there_are_too_few_to_compare(fit):
    labels, logits = overconfident(0, 9, 3)
    data = as_set(labels, logits)
    slopes, bias = fit(data)
    expected = np.full(3, 1 / data.best.temperature)
    expected = expected if slopes.ndim == 1 else np.diag(expected)
    np.testing.assert_allclose(slopes, expected, rtol=1e-12)
    assert np.all(bias == 0)
