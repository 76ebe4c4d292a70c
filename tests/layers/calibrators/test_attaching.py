"""Calibrators inside models: plain, of logits, RefCal; saved, exported."""

import subprocess
import sys

import keras
import numpy as np
import pytest
from calibration_data import linear_model, overconfident, softmax

from keras_refcal import RefCalModel
from keras_refcal.layers import TemperatureScaling, VectorScaling

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
    if name == "logits" and not from_logits:
        pytest.skip("a Dense layer without activation does not say what it returns")
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


def test_fitting_again_changes_the_attached_model():
    labels, logits = overconfident()
    layer, model = fitted(), linear_model(None)
    calibrated = layer.attach(model)
    before = calibrated.predict(logits, verbose=0)
    layer.fit(labels, 10 * logits)
    assert np.abs(calibrated.predict(logits, verbose=0) - before).max() > 0.1


@pytest.mark.parametrize("name", ["softmax", "refcal"])
def test_loads_in_a_new_process_in_safe_mode(name, tmp_path):
    inputs = overconfident()[1]
    calibrated = fitted(from_logits=False).attach(MODELS[name]())
    calibrated.save(tmp_path / "model.keras")
    outputs = calibrated.predict(inputs, verbose=0)
    np.savez(tmp_path / "data.npz", inputs=inputs, outputs=outputs)
    done = subprocess.run(
        [sys.executable, "-c", LOAD, str(tmp_path)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "loaded" in done.stdout
