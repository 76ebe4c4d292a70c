"""Against loops that are written as the formulas are."""

import itertools

import numpy as np
import pytest
from random_predictions import draw

from keras_refcal.evaluation import calibration, evaluate
from keras_refcal.evaluation.calibration import BinCounts
from keras_refcal.ops import calibration_error
from keras_refcal.predictions import as_predictions


def gaps(confidence, correct, edges, left=False):
    for low, high in itertools.pairwise(edges):
        inside = (confidence > low) & (confidence <= high)
        if left:
            inside = (confidence >= low) & (confidence < high)
            inside |= (high == 1) & (confidence == 1)
        if inside.any():
            gap = confidence[inside].mean() - correct[inside].mean()
            yield inside.mean(), gap, confidence[inside].mean(), inside.sum()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("num_bins", [1, 7, 15, 40])
def test_binned_figures_equal_a_loop(seed, num_bins):
    labels, probabilities = draw(seed, 333, 6)
    scores = evaluate(labels, probabilities, num_bins=num_bins)
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == labels
    rows = list(gaps(confidence, correct, np.linspace(0, 1, num_bins + 1)))
    expected = {
        "ece": sum(s * abs(g) for s, g, _, _ in rows),
        "mce": max(abs(g) for _, g, _, _ in rows),
        "rmsce": sum(s * g**2 for s, g, _, _ in rows) ** 0.5,
        "average_calibration_error": np.mean([abs(g) for _, g, _, _ in rows]),
        "overconfidence_error": sum(s * c * max(g, 0) for s, g, c, _ in rows),
    }
    accuracies = [(s, g, c - g, m) for s, g, c, m in rows if m > 1]
    squared = sum(s * (g**2 - a * (1 - a) / (m - 1)) for s, g, a, m in accuracies)
    expected["rmsce_debiased"] = max(squared, 0) ** 0.5
    for name, value in expected.items():
        assert scores[name] == pytest.approx(value, abs=1e-12), name


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("convention", ["guo", "netcal"])
@pytest.mark.parametrize(("num_samples", "num_classes"), [(200, 2), (300, 9)])
def test_classwise_counts_equal_a_loop(num_samples, num_classes, convention, dtype):
    labels, probabilities = draw(4, num_samples, num_classes, dtype)
    predictions = as_predictions(labels, probabilities)
    ours = calibration.classwise_counts(predictions, 10, convention)
    edges = np.linspace(0, 1, 11)
    total = 0.0
    for label in range(num_classes):
        column = probabilities[:, label].astype("float64")
        rows = gaps(column, labels == label, edges, left=convention == "netcal")
        total += sum(share * abs(gap) for share, gap, _, _ in rows)
    error = calibration.classwise_error(predictions, ours, convention)
    assert np.isclose(error, total / num_classes, atol=1e-7)
    assert np.allclose(ours.weight.sum(axis=1), num_samples)


def test_a_label_of_probability_zero_is_in_no_bin_of_the_published_error():
    probabilities = np.array([[1.0, 0.0], [0.5, 0.5]])
    left = evaluate([1, 0], probabilities, convention="netcal")["classwise_ece"]
    published = evaluate([1, 0], probabilities)["classwise_ece"]
    # (0.5, 1] of class 0: |1 - 0|; [0.5] of class 0: |0.5 - 1|, of class 1: |0.5 - 0|
    assert published == pytest.approx((1 + 0.5 + 0.5) / 4)
    assert left > published


@pytest.mark.parametrize("threshold", [0.0, 0.02, 0.3])
@pytest.mark.parametrize("num_samples", [15, 100, 311])
def test_adaptive_error_equals_a_loop(num_samples, threshold):
    labels, probabilities = draw(5, num_samples, 4, decimals=1)
    ours = calibration.adaptive_errors(
        as_predictions(labels, probabilities), 15, [threshold]
    )
    total = 0.0
    for label in range(4):
        column = np.where(
            probabilities[:, label] < threshold, 0.0, probabilities[:, label]
        )
        edges = np.sort(column)[np.arange(15) * (num_samples // 15)]
        rows = gaps(column, labels == label, np.append(edges, 1.0))
        total += sum(share * abs(gap) for share, gap, _, _ in rows)
    assert np.isclose(ours[0], total / 4, atol=1e-12)


def test_confidence_on_edges_zero_and_one():
    confidence = np.array([0.0, 0.25, 0.5, 0.75, 1.0])
    sums = calibration.top_label_counts(confidence, confidence > 0.5, 4)
    assert sums.weight.tolist() == [2, 1, 1, 1]
    sums = calibration.top_label_counts(confidence, confidence > 0.5, 4, "netcal")
    assert sums.weight.tolist() == [1, 1, 1, 2]
    sums = calibration.top_label_counts(confidence, confidence > 0.5, 4, "torchmetrics")
    assert sums.weight.tolist() == [1, 1, 1, 1, 1]


def test_empty_counters_are_undefined():
    empty = BinCounts(*np.zeros((3, 5)))
    for error in (
        calibration_error.expected_error,
        calibration_error.maximum_error,
        calibration_error.root_mean_squared_error,
        calibration_error.average_error,
        calibration_error.overconfidence_error,
        calibration_error.debiased_error,
    ):
        assert np.isnan(error(empty, xp=np)), error.__name__


def test_weights_count_as_repetitions():
    labels, probabilities = draw(6, 50, 3)
    p = as_predictions(labels, probabilities)
    weight = np.random.default_rng(6).integers(0, 4, 50)
    index = (p.confidence * 5).astype(int)
    weighted = BinCounts.of(index, 6, p.confidence, p.correct, weight)
    arrays = (np.repeat(a, weight) for a in (p.confidence, p.correct))
    repeated = BinCounts.of(np.repeat(index, weight), 6, *arrays)
    assert np.allclose(weighted.confidence, repeated.confidence)
    assert np.isclose(
        calibration_error.expected_error(weighted, xp=np),
        calibration_error.expected_error(repeated, xp=np),
        atol=1e-12,
    )
