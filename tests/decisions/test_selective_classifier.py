import subprocess
import sys

import keras
import numpy as np
import pytest
from calibration_data import linear_model, overconfident, softmax
from exporting import FORMATS, assert_exports

from keras_refcal.decisions import SelectiveClassifier

LOAD = """
import sys, numpy as np, keras, keras_refcal
model = keras.saving.load_model(sys.argv[1] + "/model.keras", safe_mode=True)
with np.load(sys.argv[1] + "/data.npz") as data:
    got = model.predict(data["inputs"], verbose=0)["prediction"]
    np.testing.assert_array_equal(got, data["prediction"])
"""


def identity_model(classes=4):
    return keras.Sequential([keras.Input((classes,)), keras.layers.Softmax()])


def easy(seed=0, samples=2000):
    return overconfident(seed, samples, sharpness=1.0)


def test_answers_where_the_confidence_reaches_the_threshold():
    labels, logits = easy()
    selective = SelectiveClassifier(identity_model(), target_risk=0.3)
    selective.fit_threshold(labels, softmax(logits))
    got = selective.predict(logits, verbose=0)
    threshold = float(selective.thresholds[0])
    accepted = got["probabilities"].max(axis=1) >= threshold
    np.testing.assert_array_equal(got["accepted"], accepted)
    np.testing.assert_array_equal(
        got["prediction"], np.where(accepted, np.argmax(logits, axis=1), -1)
    )
    assert 0.2 < accepted.mean() < 1
    fresh_labels, fresh = easy(1, 20_000)
    answer = selective.predict(fresh, batch_size=4096, verbose=0)["prediction"]
    assert np.mean(answer[answer >= 0] != fresh_labels[answer >= 0]) < 0.3


def test_keeps_the_coverage():
    labels, logits = easy()
    selective = SelectiveClassifier(identity_model(), target_coverage=0.7)
    selective.fit_threshold(labels, softmax(logits))
    fresh = selective.predict(easy(1, 20_000)[1], batch_size=4096, verbose=0)
    assert 0.7 < fresh["accepted"].mean() < 0.75


def test_groups_have_thresholds_of_their_own():
    labels, logits = easy(samples=4000)
    wrong = (np.argmax(logits, axis=1) == 3) & (np.arange(4000) % 3 == 0)
    labels[wrong] = 0
    selective = SelectiveClassifier(
        identity_model(), target_risk=0.35, class_counts=[500, 300, 50, 5]
    )
    selective.fit_threshold(labels, softmax(logits))
    first, second, medium, few = np.asarray(
        keras.ops.convert_to_numpy(selective.thresholds)
    )
    assert first == second
    assert few > medium


def test_abstains_always_where_the_risk_cannot_be_kept():
    labels, logits = easy(samples=50)
    selective = SelectiveClassifier(identity_model(), target_risk=0.001)
    before = selective.predict(logits, verbose=0)
    assert not before["accepted"].any()
    with pytest.warns(UserWarning, match="for predictions of all classes with 50"):
        selective.fit_threshold(labels, softmax(logits))
    assert np.all(selective.predict(logits, verbose=0)["prediction"] == -1)


def test_ships_in_one_file(tmp_path):
    labels, inputs = overconfident()
    model = linear_model("softmax")
    selective = SelectiveClassifier(model, target_coverage=0.5)
    selective.fit_threshold(labels, model.predict(inputs, verbose=0))
    outputs = selective.predict(inputs, verbose=0)
    selective.save(tmp_path / "model.keras")
    np.savez(tmp_path / "data.npz", inputs=inputs, prediction=outputs["prediction"])
    done = subprocess.run(
        [sys.executable, "-c", LOAD, str(tmp_path)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("form", FORMATS)
def test_exports(form, tmp_path):
    labels, inputs = overconfident()
    model = linear_model("softmax")
    selective = SelectiveClassifier(model, target_coverage=0.5)
    selective.fit_threshold(labels, model.predict(inputs, verbose=0))
    selective.predict(inputs, verbose=0)
    assert_exports(selective, overconfident(1)[1], tmp_path, form)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "exactly one of"),
        ({"target_risk": 0.1, "target_coverage": 0.5}, "exactly one of"),
        ({"target_risk": 0.0}, "`target_risk` must be in"),
        ({"target_risk": 0.1, "confidence_level": 1}, "`confidence_level` must be in"),
        ({"target_risk": 0.1, "groups": "halves"}, "`groups` must be one of"),
        ({"target_risk": 0.1, "class_counts": [5, 5]}, "`class_counts` must hold 4"),
    ],
)
def test_refuses_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        SelectiveClassifier(identity_model(), **arguments)


def test_refuses_logits():
    labels, logits = easy(samples=50)
    selective = SelectiveClassifier(identity_model(), target_risk=0.1)
    with pytest.raises(ValueError, match="in rows of sum 1"):
        selective.fit_threshold(labels, logits)
