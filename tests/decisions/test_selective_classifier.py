import keras
import new_process
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


@pytest.mark.parametrize(("groups", "expected"), [(1, 0.53), (3, 0.52)])
def test_the_failure_is_shared_by_the_groups(groups, expected):
    # Of 30 numbers two or fewer are below their true fifth with a probability of
    # 0.0442, one or none with 0.0105: 0.05 allows rank 3, a third of it rank 2.
    confidence = np.linspace(0.51, 0.8, 30)
    others = (1 - confidence) / 2
    rows = [np.stack([confidence, others, others], axis=1)]
    p = np.concatenate([np.roll(rows[0], shift, axis=1) for shift in range(groups)])
    selective = SelectiveClassifier(
        identity_model(3),
        target_coverage=0.8,
        class_counts=[500, 50, 5] if groups == 3 else None,
    )
    selective.fit_threshold(np.zeros(len(p)), p)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(selective.thresholds), expected, atol=1e-6
    )


def test_one_column_is_two_classes():
    generator = np.random.default_rng(0)
    z = generator.normal(size=(400, 1)).astype("float32") * 3
    p = 1 / (1 + np.exp(-z))
    labels = (generator.random((400, 1)) < p).astype(int)
    sigmoid = keras.Sequential([keras.Input((1,)), keras.layers.Activation("sigmoid")])
    flat = keras.Sequential([*sigmoid.layers, keras.layers.Reshape(())])
    flat.build((None, 1))
    pair = np.concatenate([np.zeros_like(z), z], axis=1)
    both = np.concatenate([1 - p, p], axis=1)
    options = {"target_coverage": 0.6, "class_counts": [500, 5]}
    twin = SelectiveClassifier(identity_model(2), **options)
    expected = twin.fit_threshold(labels, both).predict(pair, verbose=0)
    assert len(np.unique(expected["prediction"])) == 3
    of_twin = keras.ops.convert_to_numpy(twin.thresholds)
    for model in (sigmoid, flat):
        selective = SelectiveClassifier(model, **options)
        for values in (p, p[:, 0], both):
            selective.fit_threshold(labels, values)
            thresholds = keras.ops.convert_to_numpy(selective.thresholds)
            np.testing.assert_array_equal(thresholds, of_twin)
        found = selective.predict(z, verbose=0)
        np.testing.assert_array_equal(found["prediction"], expected["prediction"])
        np.testing.assert_array_equal(found["accepted"], expected["accepted"])
        declared = selective(keras.KerasTensor((None, 1)))
        for name, value in found.items():
            assert declared[name].shape == (None, *value.shape[1:]), name
    selective.thresholds.assign([0.5, 0.5])
    half = selective(np.zeros((1, 1), "float32"))["prediction"]
    assert keras.ops.convert_to_numpy(half).tolist() == [0]


def test_refuses_models_of_other_outputs():
    def make(model):
        return SelectiveClassifier(model, target_coverage=0.5)

    inputs = keras.Input((4, None))
    with pytest.raises(ValueError, match=r"must have shape.*\(None, 4, None\)"):
        make(keras.Model(inputs, keras.layers.Softmax()(inputs)))
    with pytest.raises(ValueError, match="It returns 2 outputs"):
        make(keras.Model(inputs, [inputs, inputs]))
    with pytest.raises(ValueError, match=r"`model` must be a keras\.Model"):
        make(keras.layers.Softmax())
    with pytest.raises(ValueError, match="It returns logits"):
        make(linear_model(None))
    with pytest.raises(ValueError, match="independent"):
        make(linear_model("sigmoid", columns=3))
    with pytest.raises(ValueError, match="the 4 classes"):
        make(identity_model()).fit_threshold([0, 1], [0.2, 0.3])


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
    done = new_process.run(LOAD, tmp_path)
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
        ({"target_risk": 0.0}, "`target_risk` must be a number in"),
        (
            {"target_risk": 0.1, "confidence_level": 1},
            "`confidence_level` must be a number in",
        ),
        ({"target_risk": 0.1, "groups": "halves"}, "`groups` must be 'shots'"),
        ({"target_risk": 0.1, "class_counts": [5, 5]}, "`class_counts` must hold 4"),
    ],
)
def test_refuses_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        SelectiveClassifier(identity_model(), **arguments)


def test_refuses_logits():
    labels, logits = easy(samples=50)
    selective = SelectiveClassifier(identity_model(), target_risk=0.1)
    with pytest.raises(ValueError, match="logits, apply softmax first"):
        selective.fit_threshold(labels, logits)
