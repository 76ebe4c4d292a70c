"""Sets and abstention of pixels, weighted samples and several labels."""

import keras
import numpy as np
import pytest
from calibration_data import overconfident, softmax
from keras import ops

from keras_refcal.decisions import ConformalSets, SelectiveClassifier
from keras_refcal.fitting.conformal import conformal_threshold
from keras_refcal.fitting.thresholds import risk_threshold

LEADING = (5, 8, 10)


def numbers(x):
    return ops.convert_to_numpy(x)


def pixels(activation="softmax", channels=4):
    inputs = keras.Input((8, 10, channels))
    layer = keras.layers.Activation(activation)
    return keras.Model(inputs, layer(inputs))


@pytest.mark.parametrize("score", ["thr", "raps"])
def test_sets_of_pixels_are_those_of_rows(score):
    labels, logits = overconfident()
    p = softmax(logits)
    ignored = np.arange(400) % 7 == 0
    given = np.where(ignored, 255, labels).reshape(LEADING)
    layer = ConformalSets(score=score).fit(
        given, p.reshape(*LEADING, -1), ignore_class=255
    )
    flat = ConformalSets(score=score).fit(labels[~ignored], p[~ignored])
    np.testing.assert_array_equal(numbers(layer.thresholds), numbers(flat.thresholds))
    attached = layer.attach(pixels())
    assert attached.output["prediction_set"].shape == (None, 8, 10, 4)
    found = attached.predict(logits.reshape(*LEADING, -1), verbose=0)
    sets = found["prediction_set"].reshape(-1, 4)
    np.testing.assert_array_equal(sets, numbers(flat(p)))
    one = ConformalSets().fit(labels > 1, p[:, 2:].sum(axis=1))
    assert numbers(one(p[:, 2:].sum(1).reshape(*LEADING, 1))).shape == (*LEADING, 2)


def test_a_weighted_threshold_by_hand():
    scores, ones = np.array([0.1, 0.2, 0.3, 0.4]), np.ones(4)
    assert conformal_threshold(scores, 0.6, ones) == conformal_threshold(scores, 0.6)
    # Weights 1 and, of the new sample, at most 4: 0.5 of 8 is reached at the third.
    found = conformal_threshold(scores[:3], 0.5, np.array([1.0, 2.0, 4.0]))
    assert found == pytest.approx(0.3, rel=1e-4)
    assert conformal_threshold(scores[:3], 0.7, np.array([1.0, 2.0, 4.0])) is None
    labels, logits = overconfident()
    p, weight = softmax(logits), np.arange(400) % 2
    kept = weight > 0
    weighted = ConformalSets().fit(labels, p, 3 * weight)
    alone = ConformalSets().fit(labels[kept], p[kept])
    assert numbers(weighted.thresholds)[0] == numbers(alone.thresholds)[0]


def test_pixels_are_answered_one_by_one():
    labels, logits = overconfident()
    p = softmax(logits)
    images = logits.reshape(*LEADING, -1)
    model = SelectiveClassifier(pixels(), target_coverage=0.5)
    model.fit_threshold(labels.reshape(LEADING), p.reshape(*LEADING, -1))
    found = model.predict(images, verbose=0)
    accepted = p.max(axis=1) >= numbers(model.thresholds)[0] - 1e-6
    expected = np.where(accepted, p.argmax(axis=1), -1).reshape(LEADING)
    assert np.mean(found["prediction"] != expected) <= 1 / 400
    assert found["accepted"].shape == LEADING
    assert found["probabilities"].shape == (*LEADING, 4)


def test_each_label_keeps_the_risk():
    generator = np.random.default_rng(0)
    p = generator.random((2000, 3)).astype("float32")
    labels = (generator.random(p.shape) < p).astype(int)
    given = np.where(generator.random(p.shape) < 0.1, -1, labels)
    inputs = keras.Input((3,))
    wrapped = keras.Model(inputs, keras.layers.Activation("sigmoid")(inputs))
    model = SelectiveClassifier(wrapped, target_risk=0.1, multi_label=True)
    model.fit_threshold(given, p, ignore_class=-1)
    logits = np.log(p / (1 - p)).astype("float32")
    found = model.predict(logits, verbose=0)
    for k, threshold in enumerate(numbers(model.thresholds)):
        kept = given[:, k] >= 0
        confidence = np.maximum(p, 1 - p)[kept, k]
        correct = (p[kept, k] > 0.5) == given[kept, k]
        expected = risk_threshold(confidence, correct, 0.1, 0.05 / 3, 2)
        assert threshold == pytest.approx(expected, abs=1e-6)
        accepted = found["accepted"][:, k]
        assert np.mean(found["prediction"][accepted, k] != labels[accepted, k]) < 0.1
    with pytest.raises(ValueError, match="must have shape"):
        model.fit_threshold(labels[:, 0], p)
    with pytest.raises(ValueError, match="no meaning"):
        SelectiveClassifier(
            wrapped, target_risk=0.1, multi_label=True, class_counts=[1, 2, 3]
        )
    again = SelectiveClassifier.from_config(model.get_config())
    assert again.multi_label
