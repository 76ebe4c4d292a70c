"""Calibrators of pixels, of tokens, and of several labels."""

import calibrator_classes
import keras
import new_process
import numpy as np
import pytest
from calibration_data import overconfident, softmax
from exporting import FORMATS, assert_exports
from keras import ops

from keras_refcal.layers import (
    ClassDistributionAwareTemperature,
    PlattScaling,
    TemperatureScaling,
)

LEADING = (5, 8, 10)
LOAD = """
import sys, numpy as np, keras, keras_refcal
model = keras.saving.load_model(sys.argv[1] + "/model.keras", safe_mode=True)
with np.load(sys.argv[1] + "/data.npz") as data:
    got = model.predict(data["inputs"], verbose=0)
    np.testing.assert_allclose(got, data["outputs"], rtol=0, atol=1e-6)
print("loaded")
"""


def numbers(x):
    return ops.convert_to_numpy(x)


def same_state(one, other):
    for a, b in zip(one.numbers(), other.numbers(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("cls", calibrator_classes.CLASSES)
def test_pixels_are_rows(cls):
    labels, logits = overconfident()
    ignored, absent = np.arange(400) % 7 == 0, np.arange(400) % 11 == 0
    weight = np.linspace(0.5, 2, 400)
    given = np.where(ignored, 255, np.where(absent, 99, labels))  # 99 has no weight
    layer = calibrator_classes.make(cls).fit(
        given.reshape(LEADING),
        logits.reshape(*LEADING, -1),
        np.where(absent, 0, weight).reshape(LEADING),
        ignore_class=255,
    )
    kept = ~ignored & ~absent
    flat = calibrator_classes.make(cls).fit(labels[kept], logits[kept], weight[kept])
    same_state(layer, flat)
    image = numbers(layer(logits.reshape(*LEADING, -1)))
    assert image.shape == (*LEADING, 4)
    np.testing.assert_allclose(image.reshape(400, 4), numbers(flat(logits)), atol=1e-6)


def u_net(channels, activation):
    inputs = keras.Input((8, 8, 3))
    down = keras.layers.Conv2D(4, 3, padding="same", activation="relu")(inputs)
    up = keras.layers.UpSampling2D()(keras.layers.MaxPooling2D()(down))
    both = keras.layers.Concatenate()([up, inputs])
    return keras.Model(
        inputs, keras.layers.Conv2D(channels, 1, activation=activation)(both)
    )


@pytest.mark.parametrize("channels", [1, 3])
def test_a_u_net_keeps_its_shape(channels, tmp_path):
    generator = np.random.default_rng(0)
    images = generator.normal(size=(6, 8, 8, 3)).astype("float32")
    model = u_net(channels, "sigmoid" if channels == 1 else "softmax")
    scores = model.predict(images, verbose=0)
    labels = generator.integers(0, max(2, channels), (6, 8, 8))
    layer = PlattScaling(from_logits=False).fit(labels, scores)
    calibrated = layer.attach(model)
    assert calibrated.output_shape == (None, 8, 8, channels)
    found = calibrated.predict(images, verbose=0)
    assert found.shape == scores.shape
    flat = numbers(layer(scores.reshape(-1, channels)))
    np.testing.assert_allclose(found.reshape(-1, channels), flat, atol=1e-6)
    assert_exports(calibrated, images, tmp_path, FORMATS[-1])


def test_a_tagger_with_masked_padding_is_calibrated():
    tokens = np.array([[1, 2, 3, 0], [4, 1, 0, 0]])
    model = keras.Sequential(
        [
            keras.layers.Embedding(5, 8, mask_zero=True),
            keras.layers.Dense(3),
        ]
    )
    scores = model.predict(tokens, verbose=0)
    labels = np.where(tokens == 0, -100, tokens % 3)
    layer = TemperatureScaling().fit(labels, scores, ignore_class=-100)
    found = layer.attach(model).predict(tokens, verbose=0)
    np.testing.assert_allclose(found.sum(axis=-1), 1, atol=1e-6)
    kept = labels >= 0
    same_state(layer, TemperatureScaling().fit(labels[kept], scores[kept]))


def several(samples=300):
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(samples, 3)).astype("float32") * [1, 2, 4]
    labels = (generator.random(logits.shape) < 1 / (1 + np.exp(-logits))).astype(int)
    return labels, 2 * logits.astype("float32")


@pytest.mark.parametrize(
    "cls", [cls for cls in calibrator_classes.CLASSES if cls.takes_labels]
)
def test_each_of_several_labels_has_a_map(cls):
    labels, logits = several()
    given = np.where(np.arange(900).reshape(300, 3) % 5 == 0, -1, labels)
    layer = calibrator_classes.make(cls, multi_label=True)
    layer.fit(given, logits, ignore_class=-1)
    found = numbers(layer(logits))
    for k in range(3):
        kept = given[:, k] >= 0
        alone = calibrator_classes.make(cls).fit(given[kept, k], logits[kept, k])
        np.testing.assert_allclose(found[:, k], numbers(alone(logits[:, k])), atol=1e-6)


def test_several_labels_are_attached_saved_and_exported(tmp_path):
    labels, logits = several()
    inputs = keras.Input((3,))
    model = keras.Model(inputs, keras.layers.Dense(3, activation="sigmoid")(inputs))
    model.layers[-1].set_weights([np.eye(3), np.zeros(3)])
    logits = np.clip(logits, -6, 6)  # beyond, sigmoid rounds away what tells logits
    layer = PlattScaling(from_logits=False, multi_label=True)
    layer.fit(labels, model.predict(logits, verbose=0))
    calibrated = layer.attach(model)
    outputs = calibrated.predict(logits, verbose=0)
    of_logits = TemperatureScaling(multi_label=True).fit(labels, logits)
    attached = of_logits.attach(model).predict(logits, verbose=0)
    np.testing.assert_allclose(attached, numbers(of_logits(logits)), atol=1e-5)
    assert_exports(calibrated, logits, tmp_path, FORMATS[0])
    calibrated.save(tmp_path / "model.keras")
    np.savez(tmp_path / "data.npz", inputs=logits, outputs=outputs)
    done = new_process.run(LOAD, tmp_path)
    assert done.returncode == 0, done.stderr


def test_what_has_no_meaning_is_refused():
    labels, logits = several()
    with pytest.raises(ValueError, match="classes that exclude each other"):
        ClassDistributionAwareTemperature([1, 2, 3], multi_label=True)
    layer = TemperatureScaling(multi_label=True, from_logits=False)
    with pytest.raises(ValueError, match="a 0 or 1 for each of the labels"):
        layer.fit(labels[:, 0], softmax(logits))
    layer.fit(labels, softmax(logits))
    inputs = keras.Input((3,))
    model = keras.Model(inputs, keras.layers.Softmax()(inputs))
    with pytest.raises(ValueError, match="exclude each other"):
        layer.attach(model)
    with pytest.raises(ValueError, match="all of weight 0 or of label -1"):
        TemperatureScaling().fit(np.full(300, -1), logits, ignore_class=-1)
    with pytest.warns(UserWarning, match="leaves label 1 as it is"):
        TemperatureScaling(multi_label=True).fit(
            np.where([0, 1, 0], -1, labels), logits, ignore_class=-1
        )
