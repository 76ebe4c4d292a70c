import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
import scipy.optimize
from calibration_data import overconfident

from keras_refcal.fitting.temperature import best_temperature
from keras_refcal.fitting.validation_set import (
    NoMinimumError,
    ValidationSet,
    log_softmax,
)


def as_set(labels, logits, weights=None):
    weights = np.ones(len(labels)) if weights is None else weights
    total = np.sum(weights)
    return ValidationSet(
        np.asarray(labels), np.asarray(logits, "float64"), weights / total, total
    )


def loss(data, temperature):
    log_p = log_softmax(data.logits / temperature)
    return -data.weights @ log_p[np.arange(len(data.labels)), data.labels]


@hypothesis.given(st.integers(0, 10**6), st.integers(2, 8), st.floats(-6, 6))
def test_is_the_minimum_that_scipy_finds(seed, classes, log_sharpness):
    labels, logits = overconfident(seed, 60, classes, np.exp(log_sharpness))
    data = as_set(labels, logits)
    try:
        found = np.log(best_temperature(data))
    except NoMinimumError:
        hypothesis.reject()
    theirs = scipy.optimize.minimize_scalar(
        lambda s: loss(data, np.exp(s)), bracket=(found - 0.5, found + 0.4), tol=1e-12
    )
    assert loss(data, np.exp(found)) <= theirs.fun + 1e-12
    assert abs(found - theirs.x) < 1e-5


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_scales_with_the_logits(scale):
    labels, logits = overconfident()
    logits = logits.astype("float64")
    expected = best_temperature(as_set(labels, logits))
    found = best_temperature(as_set(labels, logits * scale))
    assert found / scale == pytest.approx(expected, rel=1e-9)


def test_weights_count_as_copies():
    labels, logits = overconfident(samples=50)
    weights = np.arange(50) % 3
    copies = np.repeat(np.arange(50), weights)
    weighted = best_temperature(as_set(labels, logits, weights))
    copied = best_temperature(as_set(labels[copies], logits[copies]))
    assert weighted == pytest.approx(copied, rel=1e-9)


@pytest.mark.parametrize(
    ("labels", "message"), [([0, 1], "no label is beaten"), ([1, 0], "chance")]
)
def test_says_where_no_temperature_is_best(labels, message):
    with pytest.raises(NoMinimumError, match=message):
        best_temperature(as_set(labels, [[2.0, 0.0], [0.0, 2.0]]))
