"""The same rows, however they are cut into batches, against float64 NumPy."""

import keras
import numpy as np
import pytest
from exported_metrics import ALL, make, optional
from metrics_streaming import stream, value

from keras_refcal import evaluation, metrics
from keras_refcal.backend import double_precision

ROWS = 2**16
CUTS = [ROWS, 2**12, 2**9]


def sure(confidence, accuracy, rows=ROWS):
    """Returns labels and predictions of one confidence at an accuracy, 3 classes."""
    generator = np.random.default_rng(0)
    right = generator.permutation(rows) < round(accuracy * rows)
    predictions = np.full((rows, 3), (1 - confidence) / 2, "float32")
    predictions[:, 0] = confidence
    return np.where(right, 0, 1).astype("int32"), predictions


def mixed(rows=ROWS):
    """Returns labels, predictions, of which many are near 0 and 1, and weights."""
    generator = np.random.default_rng(1)
    logits = 4 * generator.normal(size=(rows, 3))
    predictions = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = (predictions.cumsum(axis=1) < generator.random((rows, 1))).sum(axis=1)
    weight = np.exp(3 * generator.normal(size=rows))
    return (
        np.minimum(labels, 2).astype("int32"),
        predictions.astype("float32"),
        weight.astype("float32"),
    )


def exact_error(labels, predictions, weight=None, bins=15):
    """Returns ECE of float32 confidences in float64."""
    confidence = predictions.max(axis=1).astype("float64")
    gap = confidence - (predictions.argmax(axis=1) == labels)
    weight = np.ones(len(labels)) if weight is None else weight.astype("float64")
    edges = np.linspace(0, 1, bins + 1).astype("float32")[1:-1]
    index = np.searchsorted(edges, predictions.max(axis=1))
    return np.abs(np.bincount(index, weight * gap)).sum() / weight.sum()


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize(
    ("confidence", "accuracy"), [(0.97, 0.97), (0.9998, 0.9998 - 8.1e-5), (0.34, 0.341)]
)
def test_sums_of_equal_confidences(confidence, accuracy, cut):
    labels, predictions = sure(confidence, accuracy)
    metric = metrics.ExpectedCalibrationError()
    ours = stream(metric, labels, predictions, cut)
    exact = exact_error(labels, predictions)
    assert ours == pytest.approx(exact, rel=1e-6, abs=0)
    assert abs(ours - exact) <= metric.distance_bound() < 2e-6


@pytest.mark.parametrize("kind", ALL, ids=metrics.__all__)
def test_every_figure_is_the_same_for_every_cut(kind):
    labels, predictions, weight = mixed(2**12)
    weight = weight / weight.mean()
    whole, parts, rows = (
        stream(make_of_three(kind), labels, predictions, cut, weight)
        for cut in (2**12, 2**9, 2**6)
    )
    for result in (parts, rows):
        assert result == pytest.approx(whole, rel=1e-6, abs=1e-9, nan_ok=True)


def make_of_three(kind):
    return make(kind, **optional(kind, class_counts=[500, 50, 5]))


@pytest.mark.parametrize("cut", CUTS)
def test_weighted_sums(cut):
    labels, predictions, weight = mixed()
    metric = metrics.ExpectedCalibrationError()
    ours = stream(metric, labels, predictions, cut, weight)
    exact = exact_error(labels, predictions, weight)
    assert ours == pytest.approx(exact, rel=1e-6, abs=0)


@pytest.mark.parametrize("name", ["brier", "nll", "classwise_ece", "mce", "rmsce"])
def test_means_equal_float64(name):
    labels, predictions = sure(0.9998, 0.9998)
    labels = np.where(labels == 1, 1, 0)
    kinds = {
        "brier": metrics.BrierScore,
        "nll": metrics.NegativeLogLikelihood,
        "classwise_ece": metrics.StaticCalibrationError,
        "mce": metrics.MaximumCalibrationError,
        "rmsce": lambda: metrics.ExpectedCalibrationError(norm="l2"),
    }
    exact = evaluation.evaluate(labels, predictions.astype("float64"), scores=name)
    for cut in CUTS[:2]:
        ours = stream(kinds[name](), labels, predictions, cut)
        assert ours == pytest.approx(exact[name], rel=1e-6, abs=0)


def test_one_row_at_a_time():
    labels, predictions = sure(0.9998, 0.9998 - 8.1e-5, 2**14)
    one, whole = metrics.ExpectedCalibrationError(), metrics.ExpectedCalibrationError()
    whole.update_state(labels[:300], predictions[:300])
    for row in range(300):
        one.update_state(labels[row : row + 1], predictions[row : row + 1])
    assert value(one.result()) == pytest.approx(value(whole.result()), rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("cut", [8 * 512 * 512, 2**16])
def test_two_million_rows(cut):
    labels, predictions = sure(0.97, 0.97, 8 * 512 * 512)
    metric = metrics.ExpectedCalibrationError()
    ours = stream(metric, labels, predictions, cut)
    exact = exact_error(labels, predictions)
    assert ours == pytest.approx(exact, rel=1e-6, abs=0)


def test_sums_above_the_type_are_refused():
    metric = metrics.ExpectedCalibrationError()
    labels, predictions = sure(0.9, 0.5, 64)
    metric.update_state(labels, predictions, np.full(64, 1e38, "float32"))
    with pytest.raises(ValueError, match="room"):
        metric.result()
    state = [keras.ops.convert_to_tensor(v) for v in metric.variables]
    assert np.isnan(float(metric.stateless_result(state)))


@pytest.mark.parametrize("kind", ALL, ids=metrics.__all__)
def test_figures_are_computed_in_float64(kind):
    labels, predictions, _ = mixed(2**6)
    metric = make_of_three(kind)
    metric.update_state(labels, predictions)
    if not hasattr(metric, "counters"):
        return  # which holds metrics that do
    with double_precision():
        counters = metric.counters()
        counters.pop("rejected")
        for figure in keras.tree.flatten(metric.score(**counters)):
            assert keras.backend.standardize_dtype(figure.dtype) == "float64"
