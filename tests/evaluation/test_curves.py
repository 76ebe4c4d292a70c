import dataclasses

import numpy as np
import pytest

from keras_refcal.evaluation import (
    ReliabilityCurve,
    confidence_histogram,
    reliability_curve,
    risk_coverage_curve,
)


@pytest.fixture
def data():
    generator = np.random.default_rng(1)
    probabilities = generator.dirichlet(np.full(4, 0.4), 500)
    labels = np.array([generator.choice(4, p=row) for row in probabilities])
    return labels, probabilities


def test_top_label_curve_equals_a_loop(data):
    labels, probabilities = data
    curve = reliability_curve(labels, probabilities, num_bins=10)
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    for index in range(10):
        inside = (confidence > index / 10) & (confidence <= (index + 1) / 10)
        assert curve.weight[index] == inside.sum()
        if inside.any():
            assert np.isclose(curve.confidence[index], confidence[inside].mean())
            assert np.isclose(curve.accuracy[index], right[inside].mean())
        else:
            assert np.isnan([curve.accuracy[index], curve.gap[index]]).all()


def test_class_curve_counts_every_sample(data):
    labels, probabilities = data
    curve = reliability_curve(labels, probabilities, class_id=2)
    assert curve.weight.sum() == 500
    positives = np.nansum(curve.weight * curve.accuracy)
    assert np.isclose(positives, np.sum(labels == 2))
    with pytest.raises(ValueError, match="class_id"):
        reliability_curve(labels, probabilities, class_id=4)


def test_quantile_bins_hold_equally_many(data):
    curve = reliability_curve(*data, num_bins=10, binning="quantile")
    assert np.all(np.abs(curve.weight - 50) <= 1)
    with pytest.raises(ValueError, match="binning"):
        reliability_curve(*data, binning="mass")


def test_wilson_interval_equals_the_closed_form():
    curve = ReliabilityCurve.from_counts([0, 0.5, 1], [10, 0], [4, 0], [3, 0])
    low, high = curve.accuracy_interval(0.95)
    assert np.allclose([low[0], high[0]], [0.1078, 0.6032], atol=1e-4)
    assert np.isnan([low[1], high[1]]).all()
    assert np.isclose(curve.expected_calibration_error, 0.1)
    with pytest.raises(ValueError, match="level"):
        curve.accuracy_interval(1.0)


@pytest.mark.parametrize("scale", [1e-3, 1, 40])
def test_bands_of_weighted_samples_are_those_of_fewer_rows(scale):
    # One row of weight 12 among nine of weight 1 tells as much as 2.88 rows.
    weight = scale * np.array([12] + [1] * 9)
    correct = np.array([1] * 5 + [0] * 5)
    counts = weight.sum(), weight.sum() / 2, weight @ correct, weight @ weight
    curve = ReliabilityCurve.from_counts([0, 1], *([c] for c in counts))
    assert curve.rows[0] == pytest.approx(21**2 / 153)
    same = ReliabilityCurve.from_counts([0, 1], [1], [0.5], curve.accuracy)
    same = dataclasses.replace(same, rows=curve.rows)
    np.testing.assert_allclose(curve.accuracy_interval(), same.accuracy_interval())
    equal = ReliabilityCurve.from_counts([0, 1], [10], [5], [8])
    scaled = [10 * scale], [5 * scale], [8 * scale], [10 * scale**2]
    curve = ReliabilityCurve.from_counts([0, 1], *scaled)
    np.testing.assert_allclose(curve.accuracy_interval(), equal.accuracy_interval())


def test_histogram_parts_right_and_wrong(data):
    labels, probabilities = data
    histogram = confidence_histogram(labels, probabilities)
    right = np.sum(probabilities.argmax(axis=1) == labels)
    assert histogram.right.sum() == right
    assert histogram.right.sum() + histogram.wrong.sum() == 500


def test_risk_coverage_has_one_point_a_distinct_confidence():
    probabilities = np.array([0.9, 0.9, 0.7, 0.6, 0.7])
    probabilities = np.stack([probabilities, 1 - probabilities], axis=1)
    curve = risk_coverage_curve([0, 1, 0, 1, 1], probabilities)
    assert np.allclose(curve.threshold, [0.9, 0.7, 0.6])
    assert np.allclose(curve.coverage, [0.4, 0.8, 1.0])
    assert np.allclose(curve.risk, [0.5, 0.5, 0.6])
