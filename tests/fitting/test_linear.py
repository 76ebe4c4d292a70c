import numpy as np
import pytest
import scipy.optimize
from calibration_data import overconfident

from keras_refcal.fitting.linear import fit_matrix, fit_vector, vector_objective
from keras_refcal.fitting.validation_set import ValidationSet, log_softmax


def as_set(labels, logits):
    weights = np.random.default_rng(0).random(len(labels)) + 0.5
    return ValidationSet(labels, logits.astype("float64"), weights / weights.sum())


@pytest.mark.parametrize("l2", [0.0, 0.3])
def test_the_gradient_of_vector_scaling_is_that_of_its_value(l2):
    data = as_set(*overconfident(samples=40))
    # Away from the optimum, where each term of the gradient shows.
    point = np.random.default_rng(1).normal(size=8)
    _, of_scale, of_bias = vector_objective(point[:4], point[4:], data, l2)
    numeric = scipy.optimize.approx_fprime(
        point, lambda x: vector_objective(x[:4], x[4:], data, l2)[0], 1e-6
    )
    np.testing.assert_allclose([*of_scale, *of_bias], numeric, atol=1e-4)


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
