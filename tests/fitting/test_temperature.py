import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
import scipy.optimize
from calibration_data import overconfident

from keras_refcal.evaluation import evaluate
from keras_refcal.fitting import temperature as module
from keras_refcal.fitting.validation_set import (
    ValidationSet,
    log_softmax,
    sample_shares,
)


def as_set(labels, logits, weights=None):
    logits = np.asarray(logits, "float64")
    shares = sample_shares(np.asarray(labels), logits.shape[1], weights)
    rows = shares > 0
    return ValidationSet(np.asarray(labels)[rows], logits[rows], shares[rows])


def best_temperature(data):
    return data.best.temperature


def loss(data, temperature):
    log_p = log_softmax(data.logits / temperature)
    return -data.weights @ log_p[np.arange(len(data.labels)), data.labels]


@hypothesis.given(st.integers(0, 10**6), st.integers(2, 8), st.floats(-6, 6))
def test_is_the_minimum_that_scipy_finds(seed, classes, log_sharpness):
    labels, logits = overconfident(seed, 60, classes, np.exp(log_sharpness))
    data = as_set(labels, logits)
    hypothesis.assume(data.best.limit is None)
    found = np.log(best_temperature(data))
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


@hypothesis.given(
    st.integers(0, 10**6), st.sampled_from([2, 5, 30]), st.floats(-1.5, 1.5)
)
def test_is_found_where_labels_are_no_likelier_than_chance(seed, classes, log10_scale):
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, classes, 200)
    data = as_set(labels, 5 * 10**log10_scale * generator.normal(size=(200, classes)))
    best = data.best
    # The loss is convex in 1/T, so a grid brackets its minimum.
    grid = np.linspace(*best.log_bounds, 400)
    assert best.loss <= min(loss(data, np.exp(s)) for s in grid) + 1e-9
    assert best.loss == pytest.approx(loss(data, best.temperature), rel=1e-9)
    assert best.loss < np.log(classes) + 0.01
    scores = evaluate(labels, logits=data.logits)
    assert scores["temperature"] == pytest.approx(best.temperature, rel=1e-4)
    assert scores["nll_refinement_in_sample"] == pytest.approx(best.loss, abs=1e-8)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 30.0])
def test_all_right_claims_what_so_many_samples_show(scale):
    generator = np.random.default_rng(0)
    logits = scale * generator.normal(size=(300, 5))
    labels = np.argmax(logits, axis=1)
    best = as_set(labels, logits).best
    assert best.limit == module.ALL_RIGHT
    assert best.temperature < 1
    # Some rows are so near to a tie that the lowest temperature leaves a loss.
    least = loss(as_set(labels, logits), np.exp(best.log_bounds[0]))
    assert best.loss - least == pytest.approx(1 / 301, rel=1e-6)
    assert least < 0.01
    scores = evaluate(labels, logits=logits)
    assert scores["temperature"] == pytest.approx(best.temperature, rel=1e-4)


def test_all_right_and_surer_than_samples_show_stays():
    best = as_set([0, 1, 1], [[90.0, 0.0], [0.0, 80.0], [0.0, 70.0]]).best
    assert (best.temperature, best.limit) == (1.0, module.ALL_RIGHT)


def test_all_wrong_ends_at_the_stated_bound():
    best = as_set([0, 1], [[0.0, 2.0], [2.0, 0.0]]).best
    assert best.temperature == pytest.approx(module.HIGHEST)
    assert best.limit == module.CHANCE


@pytest.mark.parametrize("scale", [1e-7, 1e7])
def test_the_scale_of_weights_does_not_matter(scale):
    labels, logits = overconfident(samples=50)
    weights = np.arange(50) % 3
    for given in (labels, np.argmax(logits, axis=1)):
        found = best_temperature(as_set(given, logits, scale * weights))
        expected = best_temperature(as_set(given, logits, weights))
        assert found == pytest.approx(expected, rel=1e-9)
