"""Calibrators inside models: plain, of logits, RefCal; saved, exported."""

import keras
import new_process
import numpy as np
import pytest
from calibration_data import linear_model, overconfident, softmax

from keras_refcal import RefCalModel
from keras_refcal.layers import BetaCalibration, TemperatureScaling, VectorScaling

LOAD = """
import sys, numpy as np, keras, keras_refcal
model = keras.saving.load_model(sys.argv[1] + "/model.keras", safe_mode=True)
with np.load(sys.argv[1] + "/data.npz") as data:
    got = model.predict(data["inputs"], verbose=0)
    np.testing.assert_allclose(got, data["outputs"], rtol=0, atol=1e-6)
print("loaded")
"""


def fitted(cls=TemperatureScaling, from_logits=True):
    labels, logits = overconfident()
    scores = logits if from_logits else softmax(logits)
    return cls(from_logits=from_logits).fit(labels, scores)


def refcal(activation="softmax"):
    encoder = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8)])
    return RefCalModel(encoder, 4, classifier_activation=activation)


MODELS = {
    "softmax": lambda: linear_model("softmax"),
    "logits": lambda: linear_model(None),
    "sequential": lambda: keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(4), keras.layers.Softmax()]
    ),
    "refcal": refcal,
    "refcal_logits": lambda: refcal(None),
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("from_logits", [True, False])
def test_calibrates_what_the_model_returns(name, from_logits):
    model, inputs = MODELS[name](), overconfident()[1]
    layer = fitted(from_logits=from_logits)
    calibrated = layer.attach(model)
    outputs = model.predict(inputs, verbose=0)
    logits = outputs if "logits" in name else np.log(np.maximum(outputs, 1e-30))
    np.testing.assert_allclose(
        calibrated.predict(inputs, verbose=0),
        softmax(logits / float(layer.temperature)),
        atol=1e-6,
    )
    assert not layer.trainable_variables


def test_an_argument_says_what_the_model_returns():
    logits = overconfident()[1]
    model = linear_model(None)
    calibrated = fitted(from_logits=False).attach(model, from_logits=True)
    expected = fitted().attach(model).predict(logits, verbose=0)
    np.testing.assert_allclose(
        calibrated.predict(logits, verbose=0), expected, atol=1e-4
    )


def test_raw_logits_are_not_made_up():
    with pytest.raises(ValueError, match=r"VectorScaling was fitted on logits.*False"):
        fitted(VectorScaling).attach(linear_model("softmax"))


def test_models_that_do_not_fit():
    layer = fitted()
    with pytest.raises(ValueError, match=r"`model` must be a keras\.Model"):
        layer.attach(keras.layers.Dense(4))
    with pytest.raises(ValueError, match="must be built"):
        layer.attach(keras.Sequential([keras.layers.Dense(4)]))
    with pytest.raises(ValueError, match="the 4 classes"):
        layer.attach(linear_model(None, columns=3))
    with pytest.raises(ValueError, match="the 4 classes"):
        layer.attach(segmentation(3, "softmax"))
    inputs = keras.Input((4,))
    several = keras.Model(inputs, [keras.layers.Dense(4)(inputs)] * 2)
    with pytest.raises(ValueError, match="must have one output"):
        layer.attach(several)


def sigmoids_behind(last):
    inputs = keras.Input((4,))
    outputs = last(keras.layers.Dense(4, activation="sigmoid")(inputs))
    return keras.Model(inputs, outputs)


@pytest.mark.parametrize(
    "model",
    [
        lambda: linear_model("sigmoid"),
        lambda: segmentation(4),
        lambda: sigmoids_behind(keras.layers.Activation("linear", dtype="float32")),
        lambda: sigmoids_behind(keras.layers.Reshape((2, 2, 1))),
        lambda: keras.Sequential(
            [
                keras.Input((4,)),
                keras.layers.Dense(4),
                keras.layers.Activation("sigmoid"),
            ]
        ),
        lambda: sigmoids_behind(lambda x: keras.ops.sigmoid(x)),
    ],
)
def test_independent_sigmoids_are_refused(model):
    layer, model = fitted(), model()
    if model.output_shape[-1] == 1:  # single columns, each of two classes
        labels, logits = overconfident(classes=2)
        layer = TemperatureScaling().fit(labels, logits)
        assert layer.attach(model).output_shape == model.output_shape
        return
    with pytest.raises(ValueError, match=r"TemperatureScaling.*4 independent sigmoids"):
        layer.attach(model)


def test_a_softmax_over_one_column_is_refused():
    labels, logits = overconfident(classes=2)
    layer = TemperatureScaling().fit(labels, logits)
    with pytest.raises(ValueError, match="softmax over one column is always 1"):
        layer.attach(linear_model("softmax", columns=1))


def test_what_a_calibrated_model_returns_are_probabilities():
    model = fitted(from_logits=False).attach(linear_model("softmax"))
    logits = overconfident()[1]
    twice = fitted().attach(model)
    p = model.predict(logits, verbose=0)
    temperature = float(fitted().temperature)
    np.testing.assert_allclose(
        twice.predict(logits, verbose=0),
        softmax(np.log(np.maximum(p, 1e-30)) / temperature),
        atol=1e-5,
    )


def test_fitting_again_changes_the_attached_model():
    labels, logits = overconfident()
    layer, model = fitted(), linear_model(None)
    calibrated = layer.attach(model)
    before = calibrated.predict(logits, verbose=0)
    layer.fit(labels, 10 * logits)
    assert np.abs(calibrated.predict(logits, verbose=0) - before).max() > 0.1


def segmentation(columns=1, activation="sigmoid"):
    """Returns a model of inputs (4, 4, 4) that gives each pixel its classes."""
    inputs = keras.Input((4, 4, 4))
    outputs = keras.layers.Conv2D(columns, 1, activation=activation)(inputs)
    return keras.Model(inputs, outputs)


def test_loads_as_fitted_for_every_pixel_in_a_new_process(tmp_path):
    labels, logits = overconfident(classes=2)
    layer = BetaCalibration(from_logits=False).fit(labels, softmax(logits))
    inputs = np.random.default_rng(0).normal(size=(2, 4, 4, 4)).astype("float32")
    loads_in_a_new_process(layer.attach(segmentation()), inputs, tmp_path)


def test_loads_behind_a_refcal_model_in_a_new_process(tmp_path):
    calibrated = fitted(from_logits=False).attach(refcal())
    loads_in_a_new_process(calibrated, overconfident()[1], tmp_path)


def loads_in_a_new_process(calibrated, inputs, tmp_path):
    calibrated.save(tmp_path / "model.keras")
    outputs = calibrated.predict(inputs, verbose=0)
    assert outputs.shape == (len(inputs), *calibrated.output_shape[1:])
    np.savez(tmp_path / "data.npz", inputs=inputs, outputs=outputs)
    done = new_process.run(LOAD, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "loaded" in done.stdout
