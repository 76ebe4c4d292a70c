"""Probabilities under other class rates, against Bayes' rule."""

import keras
import numpy as np
import pytest
from exporting import FORMATS, assert_exports
from keras import ops

from keras_refcal.layers import PriorShift, TemperatureScaling


def numbers(x):
    return ops.convert_to_numpy(x)


def gaussians(rate, samples, seed=0):
    """Two classes at -1 and 1; the posterior where both are equally frequent."""
    generator = np.random.default_rng(seed)
    labels = (generator.random(samples) < rate).astype(int)
    x = generator.normal(size=samples) + 2 * labels - 1
    return labels, x, 1 / (1 + np.exp(-2 * x))


def test_is_bayes_rule():
    _, x, p = gaussians(0.1, 200)
    layer = PriorShift(training_rates=0.5, deployment_rates=0.1)
    expected = 1 / (1 + 9 * np.exp(-2 * x))
    np.testing.assert_allclose(numbers(layer(p[:, None]))[:, 0], expected, rtol=1e-5)
    two = PriorShift([30, 30], [0.9, 0.1])(np.stack([1 - p, p], axis=1))
    np.testing.assert_allclose(numbers(two)[:, 1], expected, rtol=1e-4)
    image = numbers(layer(p.reshape(5, 8, 5, 1)))
    np.testing.assert_allclose(image.ravel(), expected, rtol=1e-5)
    rates, new = np.array([0.2, 0.3, 0.5]), np.array([0.6, 0.3, 0.1])
    p = np.random.default_rng(0).dirichlet(np.ones(3), 50).astype("float32")
    odds = p * new / rates
    found = numbers(PriorShift(rates, new)(p))
    np.testing.assert_allclose(found, odds / odds.sum(1, keepdims=True), rtol=1e-5)


def test_finds_the_rate_without_labels():
    labels, _, p = gaussians(0.1, 20_000)
    layer = PriorShift(training_rates=0.5)
    np.testing.assert_allclose(numbers(layer(p[:5])), p[:5], rtol=1e-6)
    rates = layer.estimate(p)
    assert rates[1] == pytest.approx(0.1, abs=0.01)
    moved = numbers(layer(p))
    assert moved.mean() == pytest.approx(rates[1], abs=1e-5)  # where EM stands still
    assert abs(p.mean() - labels.mean()) > 0.1
    assert abs(moved.mean() - labels.mean()) < 0.01
    weight = np.arange(20_000) % 2
    some = PriorShift(0.5).estimate(p, weight)
    np.testing.assert_allclose(some, PriorShift(0.5).estimate(p[1::2]), atol=1e-9)


def test_ships_behind_a_calibrator(tmp_path):
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(100, 3)).astype("float32")
    inputs = keras.Input((3,))
    model = keras.Model(inputs, keras.layers.Dense(3)(inputs))
    labels = generator.integers(0, 3, 100)
    calibrated = TemperatureScaling().fit(labels, model.predict(logits, verbose=0))
    calibrated = calibrated.attach(model)
    layer = PriorShift([1, 1, 1])
    layer.estimate(calibrated.predict(logits, verbose=0))
    shifted = layer.attach(calibrated)
    shifted.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(
        again.predict(logits, verbose=0), shifted.predict(logits, verbose=0), atol=1e-6
    )
    assert_exports(shifted, logits, tmp_path, FORMATS[0])
    with pytest.raises(ValueError, match="It returns logits"):
        layer.attach(model)


@pytest.mark.parametrize("rates", [0.0, 1.0, [1.0], [0.5, 0.0], [[1.0, 1.0]], "no"])
def test_refuses_what_are_no_rates(rates):
    with pytest.raises(ValueError, match=r"`training_rates`|could not convert"):
        PriorShift(rates)
    with pytest.raises(ValueError, match="2 columns"):
        PriorShift(0.5)(np.full((2, 3), 1 / 3))
    with pytest.raises(ValueError, match="each of the 2 classes"):
        PriorShift(0.5, [1, 2, 3])
