"""Streaming figures against `keras_refcal.evaluation`, and golden values."""

import golden_cases
import numpy as np
import pytest
import shared_data
from hypothesis import given
from hypothesis import strategies as st
from keras import ops
from metrics_streaming import long_tailed, stream, stream_padded
from random_predictions import draw

from keras_refcal import evaluation, metrics
from keras_refcal.ops.bins import equal_mass_distance

EXPECTED_TIES = evaluation.Convention(risk_coverage="expected")
# Metric with arguments, and what `evaluate` calls its figure.
BINNED = {
    "ece": metrics.ExpectedCalibrationError,
    "mce": metrics.MaximumCalibrationError,
    "classwise_ece": metrics.StaticCalibrationError,
    "overconfidence_error": metrics.OverconfidenceError,
    "brier": metrics.BrierScore,
    "nll": metrics.NegativeLogLikelihood,
}
FINE = {
    "ace": metrics.AdaptiveCalibrationError,
    "tace": metrics.ThresholdedAdaptiveCalibrationError,
    "refinement": metrics.Refinement,
    "auroc_ovr": lambda: metrics.MulticlassAUROC("ovr"),
    "correctness_auroc": metrics.CorrectnessAUROC,
    "fpr_at_95_recall": metrics.FalsePositiveRateAtRecall,
    "aurc": metrics.AreaUnderRiskCoverage,
    "excess_aurc": metrics.ExcessAURC,
    "ece_quantile": lambda: metrics.ExpectedCalibrationError(binning="quantile"),
}
CLASSES = st.sampled_from([2, 5])
SIZES = st.sampled_from([64, 192])


def exact(name, labels, probabilities):
    if name in ("refinement", "auroc_ovr"):
        return evaluation.multiclass_auroc(
            labels,
            probabilities,
            multi_class="ovo" if name == "refinement" else "ovr",
            renormalize=False,
        )
    scores = evaluation.evaluate(
        labels, probabilities, scores=name, convention=EXPECTED_TIES
    )
    return scores[name]


def on_edges(seed, size, num_classes):
    """Returns labels and probabilities many of which are 0, 1 or on a bin's edge."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, num_classes, size)
    first = generator.choice(np.linspace(0, 1, 16, dtype="float32"), size)
    probabilities = np.zeros((size, num_classes), "float32")
    probabilities[:, 0], probabilities[:, -1] = first, 1 - first
    return labels, probabilities


@pytest.mark.parametrize("name", BINNED)
@given(seed=st.integers(0, 9999), size=SIZES, classes=CLASSES, edges=st.booleans())
def test_binned_figures_are_exact(name, seed, size, classes, edges):
    kind = on_edges if edges else draw
    labels, probabilities = kind(seed, size, classes)
    probabilities = probabilities.astype("float32")
    ours = stream(BINNED[name](), labels, probabilities)
    assert ours == pytest.approx(exact(name, labels, probabilities), abs=1e-6)


@pytest.mark.parametrize("name", FINE)
@given(seed=st.integers(0, 9999), size=SIZES, classes=CLASSES, edges=st.booleans())
def test_fine_figures_are_within_their_bound(name, seed, size, classes, edges):
    kind = on_edges if edges else long_tailed
    labels, probabilities = kind(seed, size, classes)
    metric = FINE[name]()
    ours = stream(metric, labels, probabilities)
    reference = exact(name, labels, probabilities)
    assert np.isnan(ours) == np.isnan(reference)
    if not np.isnan(ours):
        assert abs(ours - reference) <= metric.distance_bound() + 2e-6


@pytest.mark.parametrize("name", FINE)
def test_fine_figures_are_close_on_realistic_predictions(name):
    labels, probabilities = long_tailed(0, 4096, 10)
    metric = FINE[name]()
    ours = stream(metric, labels, probabilities, 1024)
    # One wrong answer of these moves the rate by 0.0007.
    close = 2e-3 if name == "fpr_at_95_recall" else 1e-3
    assert ours == pytest.approx(exact(name, labels, probabilities), abs=close)
    # The bound is worth stating.
    assert metric.distance_bound() < 0.07


@given(seed=st.integers(0, 9999), sharpness=st.sampled_from([0.3, 1.0, 3.0, 10.0]))
def test_smooth_error_is_close(seed, sharpness):
    labels, probabilities = long_tailed(seed, 192, 5, sharpness)
    ours = stream(metrics.SmoothCalibrationError(), labels, probabilities)
    assert ours == pytest.approx(exact("smece", labels, probabilities), abs=1e-3)


def test_smooth_error_of_a_calibrated_classifier():
    generator = np.random.default_rng(0)
    second = generator.random(2**16).astype("float32")
    labels = (generator.random(2**16) < second).astype("int32")
    probabilities = np.stack([1 - second, second], axis=1)
    ours = stream(metrics.SmoothCalibrationError(), labels, probabilities, 2**14)
    reference = exact("smece", labels, probabilities)
    assert reference < 0.01 and ours == pytest.approx(reference, abs=1e-3)


def test_brier_decomposition():
    labels, probabilities = on_edges(0, 192, 5)
    parts = stream(metrics.BrierScore(decomposition=True), labels, probabilities)
    scores = evaluation.evaluate(labels, probabilities)
    for part, figure in parts.items():
        binned = "" if part == "brier_score" else "_binned"
        name = part.replace("brier_score", "brier") + binned
        assert figure == pytest.approx(scores[name], abs=1e-6), name


@pytest.mark.parametrize("probability", [0.0, 1e-20])
@pytest.mark.parametrize("clip", [0.0, 1e-7])
def test_nll_of_impossible_labels(probability, clip):
    labels = np.zeros(64, "int32")
    probabilities = np.tile(np.array([[probability, 1 - probability]], "float32"), 64)
    probabilities = probabilities.reshape(64, 2)
    metric = metrics.NegativeLogLikelihood(clip)
    convention = evaluation.Convention(nll_clip=clip)
    expected = evaluation.evaluate(labels, probabilities, convention=convention)["nll"]
    assert stream(metric, labels, probabilities) == pytest.approx(expected, rel=1e-6)
    assert stream(metric, labels, probabilities) == pytest.approx(expected, rel=1e-6)


def test_nll_of_certain_labels_is_clipped_too():
    labels, probabilities = np.zeros(64, "int32"), np.eye(2, dtype="float32")[[0] * 64]
    convention = evaluation.Convention(nll_clip=1e-3)
    found = evaluation.evaluate(labels, probabilities, convention=convention)["nll"]
    assert found == pytest.approx(-np.log1p(-1e-3), rel=1e-9)
    metric = metrics.NegativeLogLikelihood(clip=1e-3)
    assert stream(metric, labels, probabilities) == pytest.approx(found, rel=1e-5)


def test_groups_of_classes():
    labels, probabilities = long_tailed(1, 192, 5)
    counts = [500, 60, 50, 5, 0]
    scores = evaluation.evaluate(labels, probabilities, class_counts=counts)
    ece = metrics.ExpectedCalibrationError(name="ece")
    for groups in ("shots", "thirds"):
        results = stream(
            metrics.ShotAccuracy(counts, groups, name="accuracy"), labels, probabilities
        ) | stream(metrics.GroupedMetric(ece, counts, groups), labels, probabilities)
        assert len(results) == 6
        for name, result in results.items():
            assert result == pytest.approx(scores[name], abs=1e-6, nan_ok=True)
    own = {"first": [0], "all": [0, 1, 2, 3, 4]}
    results = stream(metrics.ShotAccuracy(counts, own), labels, probabilities)
    assert results["shot_accuracy_all"] == pytest.approx(scores["accuracy"])


def test_group_without_samples_is_undefined_for_any_metric():
    from keras.metrics import SparseCategoricalAccuracy

    labels, probabilities = long_tailed(1, 64, 5)
    grouped = metrics.GroupedMetric(SparseCategoricalAccuracy(name="a"), [500] * 5)
    results = stream(grouped, labels, probabilities)
    assert np.isnan(results["a_few"]) and results["a_many"] > 0


def test_the_bound_of_equal_masses_is_reached():
    # Fine bins of right answers without confidence, and of wrong ones with: which side
    # the third lies on, of a boundary inside it, changes both gaps by all it holds.
    weight, confidence, correct = [0.5, 2, 2, 1], [0, 0.2, 1.8, 1], [0, 2, 0, 0]
    low, high = abs(0.2 - 2) + 1.8 + 1, abs(0.2 - 2 + 1.8) + 1
    counts = ops.convert_to_tensor(np.array([weight, confidence, correct], "float32"))
    distance = equal_mass_distance(counts, 2, slack=0)
    assert float(distance) == pytest.approx((low - high) / 5.5)


def test_no_bound_is_above_the_range_of_its_figure():
    labels, probabilities = long_tailed(0, 5, 3)
    for make in (BINNED | FINE).values():
        metric = make()
        stream(metric, labels, probabilities)
        low, high = metric.value_range
        assert not metric.distance_bound() > high - low
    metric = metrics.ExpectedCalibrationError(2, binning="quantile")
    stream(metric, labels, probabilities)
    assert 0 < metric.distance_bound() <= 1


def test_absent_classes():
    labels, probabilities = draw(3, 192, 8, dtype="float32")
    labels = labels % 3
    for name in ("refinement", "auroc_ovr", "classwise_ece", "ace"):
        metric = (BINNED | FINE)[name]()
        ours = stream(metric, labels, probabilities)
        bound = metric.distance_bound() + 1e-6
        assert abs(ours - exact(name, labels, probabilities)) <= bound
    one = stream(metrics.Refinement(), 0 * labels, probabilities)
    assert np.isnan(one)


def test_per_class_errors_and_curves():
    labels, probabilities = long_tailed(2, 192, 5)
    metric = metrics.StaticCalibrationError()
    stream(metric, labels, probabilities)
    classes = evaluation.class_calibration(labels, probabilities)
    np.testing.assert_allclose(metric.class_errors(), classes.error, atol=1e-6)
    for class_id in (None, 3):
        ours = metric.reliability_curve(class_id)
        if class_id is None:
            theirs = evaluation.classwise_reliability_curve(labels, probabilities)
        else:
            theirs = evaluation.reliability_curve(
                labels, probabilities, class_id=class_id
            )
        for field in ("edges", "weight", "confidence", "accuracy"):
            np.testing.assert_allclose(
                getattr(ours, field), getattr(theirs, field), rtol=1e-5, atol=1e-6
            )
    with pytest.raises(ValueError, match="class_id"):
        metric.reliability_curve(5)
    with pytest.raises(ValueError, match="class_id"):
        metrics.ExpectedCalibrationError().reliability_curve(0)
    with pytest.raises(ValueError, match="classwise"):
        metrics.ExpectedCalibrationError().class_errors()


def test_curve_of_equal_masses():
    labels, probabilities = long_tailed(2, 192, 5)
    metric = metrics.ExpectedCalibrationError(6, binning="quantile")
    value = stream(metric, labels, probabilities)
    curve = metric.reliability_curve()
    np.testing.assert_allclose(curve.weight, 32, rtol=1e-5)
    assert curve.expected_calibration_error == pytest.approx(value, abs=1e-6)
    assert np.all(np.diff(curve.edges) > 0)


GOLDEN = {
    "ace": lambda p: metrics.AdaptiveCalibrationError(p["n_bins"]),
    "tace": lambda p: metrics.ThresholdedAdaptiveCalibrationError(
        p["n_bins"], p["threshold"]
    ),
    "auroc": lambda p: metrics.MulticlassAUROC(p.get("multiclass", "ovo")),
    "aurc": lambda p: metrics.AreaUnderRiskCoverage(),
    "brier": lambda p: metrics.BrierScore(),
    "eaurc": lambda p: metrics.ExcessAURC(),
    "ece_mass": lambda p: metrics.ExpectedCalibrationError(
        p["n_bins"], binning="quantile"
    ),
    "fail_auroc": lambda p: metrics.CorrectnessAUROC(),
    "fpr95": lambda p: metrics.FalsePositiveRateAtRecall(),
    "mce": lambda p: metrics.MaximumCalibrationError(p["n_bins"]),
    "nll": lambda p: metrics.NegativeLogLikelihood(p.get("clip", 0.0)),
    "oe": lambda p: metrics.OverconfidenceError(p["n_bins"]),
    "sce": lambda p: metrics.StaticCalibrationError(p["n_bins"]),
    "smece": lambda p: metrics.SmoothCalibrationError(),
}


def golden():
    for parameter in golden_cases.parameters(*GOLDEN):
        params = parameter.values[1]["params"]
        if params.get("average") != "weighted" and not params.get("half"):
            yield parameter


@pytest.mark.parametrize(("case", "check"), list(golden()))
def test_golden(case, check):
    inputs = golden_cases.inputs(case)
    metric = GOLDEN[check["kind"]](check["params"])
    metric.from_logits = "logits" in inputs
    predictions = inputs["logits" if metric.from_logits else "probs"]
    ours = stream_padded(metric, inputs["labels"], predictions)
    bound = getattr(metric, "distance_bound", lambda: 0.0)()
    if not bound:
        golden_cases.assert_matches(case, check, value=ours)
    expected = check["outputs"]["value"]["value"]
    assert abs(ours - float(expected)) <= bound + check["tol"]["atol"] + 2e-6


PUBLISHED = {
    "densenet40": (72.11, 21.08, 3.090, 6.10),
    "wide_resnet28": (85.38, 9.11, 1.665, 4.43),
}


@pytest.mark.parametrize("network", PUBLISHED)
def test_published_figures_of_real_networks(network):
    path = shared_data.shared_data("logits", f"cifar10_lt_{network}.npz")
    accuracy, before, temperature, after = PUBLISHED[network]
    with np.load(path) as file:
        labels, logits = file["test_labels"], file["test_logits"]
    everywhere = metrics.ShotAccuracy([1000] * 10, {"all": list(range(10))})
    everywhere.from_logits = True
    result = stream(everywhere, labels, logits, 1000)["shot_accuracy_all"]
    assert round(100 * result, 2) == accuracy
    for scale, published in ((1.0, before), (temperature, after)):
        metric = metrics.ExpectedCalibrationError(from_logits=True)
        value = stream(metric, labels, logits / scale, 1000)
        assert round(100 * value, 2) == published
    scores = evaluation.evaluate(labels, logits=logits, convention=EXPECTED_TIES)
    for name, make in (BINNED | FINE).items():
        metric = make()
        metric.from_logits = True
        assert stream(metric, labels, logits, 1000) == pytest.approx(
            scores[name], abs=1e-3
        ), name
