import numpy as np
import pytest
from metrics_streaming import long_tailed, stream

from keras_refcal import metrics

SHARING = [
    metrics.ExpectedCalibrationError,
    metrics.MaximumCalibrationError,
    metrics.OverconfidenceError,
    metrics.CorrectnessAUROC,
    metrics.AreaUnderRiskCoverage,
    metrics.ExcessAURC,
    metrics.FalsePositiveRateAtRecall,
    metrics.SmoothCalibrationError,
]


def test_equals_the_metrics_one_by_one_from_fewer_counters():
    labels, probabilities = long_tailed(0, 192, 5)
    shared = metrics.MetricCollection([kind() for kind in SHARING])
    results = stream(shared, labels, probabilities)
    single = {kind().name: stream(kind(), labels, probabilities) for kind in SHARING}
    assert results == pytest.approx(single, abs=1e-7)
    assert len(shared.variables) == 1
    # The bins of the first three, the fine bins of the others, and the bad rows.
    assert shared.state_size() == 2 * 4 * (4 * 15 + 3 * 4096 + 4)


def test_states_the_distance_of_each():
    labels, probabilities = long_tailed(0, 64, 5)
    pair = [metrics.BrierScore(), metrics.CorrectnessAUROC()]
    shared = metrics.MetricCollection([kind() for kind in map(type, pair)])
    stream(shared, labels, probabilities)
    bounds = shared.distance_bound()
    for metric in pair:
        stream(metric, labels, probabilities)
        assert bounds[metric.name] == pytest.approx(metric.distance_bound())


def test_follows_the_form_of_its_metrics():
    labels, probabilities = long_tailed(0, 64, 5)
    logits = metrics.MetricCollection([metrics.BrierScore(from_logits=True)])
    expected = stream(metrics.BrierScore(), labels, probabilities)
    result = stream(logits, labels, np.log(probabilities))
    assert result["brier_score"] == pytest.approx(expected, abs=1e-5)


def test_inside_groups():
    labels, probabilities = long_tailed(0, 192, 5)
    pair = metrics.MetricCollection([metrics.BrierScore(), metrics.CorrectnessAUROC()])
    counts = [500, 500, 50, 5, 5]
    results = stream(metrics.GroupedMetric(pair, counts), labels, probabilities)
    assert len(results) == 6
    one = metrics.GroupedMetric(metrics.BrierScore(), counts)
    for name, value in stream(one, labels, probabilities).items():
        group = name.removeprefix("brier_score_")
        shared = results[f"metric_collection_{group}_brier_score"]
        assert shared == pytest.approx(value, abs=1e-7)


def test_refuses_what_cannot_be_counted_together():
    ece = metrics.ExpectedCalibrationError
    grouped = metrics.GroupedMetric(ece(), [500, 5])
    for bad in ([], [grouped], [metrics.MetricCollection([ece()])]):
        with pytest.raises(ValueError, match="metrics of this package"):
            metrics.MetricCollection(bad)
    for bad in ([ece(), ece()], [ece(), ece(name="own", from_logits=True)]):
        with pytest.raises(ValueError, match="distinct names"):
            metrics.MetricCollection(bad)
