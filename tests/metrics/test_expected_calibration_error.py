import golden_cases
import keras
import numpy as np
import pytest
from metrics_streaming import long_tailed, stream, stream_padded
from random_predictions import draw

from keras_refcal import RefCalModel, evaluation
from keras_refcal.losses import RefCalLoss
from keras_refcal.metrics import ExpectedCalibrationError
from keras_refcal.models import encoders
from keras_refcal.ops.bins import uniform_edges

CLOSED = {"right": "guo", "left": "netcal", "left_top_own_bin": "torchmetrics"}
NORMS = {"ece": "l1", "mce": "max", "rmsce": "l2"}


@pytest.mark.parametrize(
    ("case", "check"),
    golden_cases.parameters(*NORMS, variants=("reference", "alternative")),
)
def test_golden(case, check):
    inputs, params = golden_cases.inputs(case), check["params"]
    from_logits = "logits" in inputs
    metric = ExpectedCalibrationError(
        params["n_bins"],
        norm=NORMS[check["kind"]],
        convention=CLOSED[params.get("closed", "right")],
        from_logits=from_logits,
    )
    predictions = inputs["logits"] if from_logits else inputs["probs"]
    value = stream_padded(metric, inputs["labels"], predictions)
    golden_cases.assert_matches(case, check, value=value)


@pytest.mark.parametrize("norm", ["l1", "l2", "max"])
@pytest.mark.parametrize("convention", ["guo", "netcal", "torchmetrics"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_equals_exact_evaluation(norm, convention, dtype):
    labels, probabilities = draw(0, 500, 7, dtype=dtype)
    probabilities[:20] = np.eye(7)[labels[:20]]
    metric = ExpectedCalibrationError(norm=norm, convention=convention)
    name = {"l1": "ece", "l2": "rmsce", "max": "mce"}[norm]
    exact = evaluation.evaluate(
        labels, probabilities, scores=name, convention=convention
    )[name]
    assert stream(metric, labels, probabilities, 33) == pytest.approx(exact, abs=1e-6)


def test_debiased_equals_exact_evaluation():
    labels, probabilities = draw(1, 300, 4)
    metric = ExpectedCalibrationError(norm="l2", debias=True)
    exact = evaluation.evaluate(labels, probabilities)["rmsce_debiased"]
    assert stream(metric, labels, probabilities) == pytest.approx(exact, abs=1e-6)


def test_binary_as_one_or_two_columns():
    edges = uniform_edges(15)
    second = np.concatenate([edges, 1 - edges])
    labels = np.arange(len(second)) % 2
    two = np.stack([1 - second, second], axis=1)
    expected = stream(ExpectedCalibrationError(), labels, two)
    for column in (second, second[:, None]):
        assert stream(ExpectedCalibrationError(), labels, column) == expected
    logits = np.log(two[2:15] / two[2:15, ::-1])[:, 1].astype("float32")
    assert stream(
        ExpectedCalibrationError(from_logits=True), labels[2:15], logits
    ) == pytest.approx(stream(ExpectedCalibrationError(), labels[2:15], two[2:15]))


def test_counts_single_samples_above_the_reach_of_float32():
    metric = ExpectedCalibrationError(num_bins=1)
    full = np.full((2, 8), 2.0**24, "float32")
    full[1], full[:, 4:] = 0, 0
    metric.variables[0].assign(full)
    step = keras.ops.convert_to_tensor(np.array([[0.0, 1.0]], "float32"))
    for _ in range(200):
        metric.update_state(np.array([1]), step)
    state = keras.ops.convert_to_numpy(metric.variables[0])
    assert state.astype("float64").sum(axis=0)[:4].tolist() == [2**24 + 200] * 4


def test_leaves_out_and_reports_rows_that_are_not_finite():
    labels, probabilities = draw(2, 40, 3)
    expected = stream(ExpectedCalibrationError(), labels[4:], probabilities[4:])
    probabilities[0, 1], probabilities[1, 0] = np.nan, np.inf
    probabilities[2:4] = -np.inf
    metric = ExpectedCalibrationError()
    with pytest.warns(RuntimeWarning, match="weight 4 that are NaN or infinite"):
        assert stream(metric, labels, probabilities) == pytest.approx(expected)


@pytest.mark.parametrize("rows", [[2.0, 1.0, -1.0], [0.5, 0.9, 0.1], [-0.5, 1.0, 0.5]])
def test_refuses_what_are_no_probabilities(rows):
    metric = ExpectedCalibrationError()
    metric.update_state(np.array([0]), np.array([rows]))
    with pytest.raises(ValueError, match="from_logits"):
        metric.result()
    metric.update_state(np.array([0]), np.array([rows]), sample_weight=0.0)


def test_is_undefined_without_samples():
    metric = ExpectedCalibrationError()
    assert np.isnan(float(metric.result()))
    metric.update_state(np.array([0]), np.array([[0.3, 0.7]]), sample_weight=[0.0])
    assert np.isnan(float(metric.result()))


def test_refuses_bad_arguments():
    with pytest.raises(ValueError, match="norm"):
        ExpectedCalibrationError(norm="l3")
    with pytest.raises(ValueError, match="debias"):
        ExpectedCalibrationError(debias=True)
    with pytest.raises(ValueError, match="num_bins"):
        ExpectedCalibrationError(0)
    with pytest.raises(ValueError, match="y_true"):
        ExpectedCalibrationError().update_state(np.zeros((4, 2)), np.ones((4, 3)) / 3)
    with pytest.raises(ValueError, match="y_pred"):
        ExpectedCalibrationError().update_state(np.zeros(4), np.ones((4, 3, 2)) / 3)


def test_reliability_curve_from_the_state():
    labels, probabilities = draw(3, 200, 5)
    metric = ExpectedCalibrationError()
    stream(metric, labels, probabilities)
    ours = metric.reliability_curve()
    exact = evaluation.reliability_curve(labels, probabilities)
    for field in ("edges", "weight", "confidence", "accuracy"):
        np.testing.assert_allclose(
            getattr(ours, field), getattr(exact, field), rtol=1e-5
        )


@pytest.mark.parametrize("kind", ["top_label", "classwise"])
@pytest.mark.parametrize("binning", ["uniform", "quantile"])
def test_bands_of_weighted_rows_are_those_of_the_effective_number(kind, binning):
    labels, probabilities = draw(5, 200, 5)
    weight = np.random.default_rng(5).lognormal(0, 2, 200).astype("float32")
    settings = {"num_bins": 4, "kind": kind, "binning": binning}
    metric = ExpectedCalibrationError(**settings)
    stream(metric, labels, probabilities, weight=weight)
    curve = metric.reliability_curve()
    filled = curve.weight > 0
    if settings["kind"] == "top_label" and binning == "uniform":
        bins = np.digitize(probabilities.max(axis=1), [0.25, 0.5, 0.75], right=True)
        squares = np.bincount(bins, weight**2, minlength=4)[filled]
        expected = np.bincount(bins, weight, minlength=4)[filled] ** 2 / squares
        np.testing.assert_allclose(curve.rows[filled], expected, rtol=1e-5)
    else:
        ratio = weight.sum(dtype="float64") / np.sum(weight**2, dtype="float64")
        np.testing.assert_allclose(curve.rows[filled] / curve.weight[filled], ratio)
    unweighted = ExpectedCalibrationError(**settings)
    stream(unweighted, labels, probabilities, weight=np.full(200, 3.0, "float32"))
    curve = unweighted.reliability_curve()
    np.testing.assert_allclose(3 * curve.rows[filled], curve.weight[filled], rtol=1e-5)


def test_in_a_model_equals_exact_evaluation():
    labels, _ = draw(4, 100, 3)
    inputs = np.random.default_rng(0).normal(size=(100, 5)).astype("float32")
    model = keras.Sequential(
        [keras.Input((5,)), keras.layers.Dense(3, activation="softmax")]
    )
    model.compile(
        "sgd",
        "sparse_categorical_crossentropy",
        metrics=["accuracy", ExpectedCalibrationError(name="ece")],
    )
    history = model.fit(
        inputs, labels, validation_split=0.2, epochs=2, batch_size=32, verbose=0
    ).history
    assert {"ece", "val_ece", "accuracy"} <= set(history)
    logs = model.evaluate(
        inputs[80:], labels[80:], batch_size=7, return_dict=True, verbose=0
    )
    exact = evaluation.evaluate(labels[80:], model.predict(inputs[80:], verbose=0))
    assert logs["ece"] == pytest.approx(exact["ece"], abs=1e-6)
    assert history["val_ece"][-1] == pytest.approx(exact["ece"], abs=1e-6)


def test_in_a_refcal_model():
    model = RefCalModel(encoders.small_cnn((8, 8, 1), width=4), num_classes=4)
    model.compile("sgd", RefCalLoss(), metrics=["accuracy", ExpectedCalibrationError()])
    images = np.random.default_rng(0).random((16, 8, 8, 1), "float32")
    labels = np.arange(16) % 4
    model.fit(images, labels, verbose=0)
    logs = model.evaluate(images, labels, verbose=0, return_dict=True)
    exact = evaluation.evaluate(labels, model.predict(images, verbose=0))
    assert logs["expected_calibration_error"] == pytest.approx(exact["ece"], abs=1e-6)


@pytest.mark.parametrize("kind", ["top_label", "classwise"])
@pytest.mark.parametrize("binning", ["uniform", "quantile"])
def test_debiased_does_not_depend_on_the_scale_of_weights(kind, binning):
    labels, probabilities = long_tailed(3, 256, 3)
    options = {"norm": "l2", "debias": True, "kind": kind, "binning": binning}
    plain = stream(ExpectedCalibrationError(**options), labels, probabilities)
    assert plain > 0
    for scale in (1e-12, 1.0, 1e12):
        weight = np.full(256, scale, "float32")
        metric = ExpectedCalibrationError(**options)
        result = stream(metric, labels, probabilities, 64, weight)
        assert result == pytest.approx(plain, rel=1e-6)
