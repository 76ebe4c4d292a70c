"""What the report shows is what the layers of `decisions` do."""

import keras
import numpy as np
import pytest
from calibration_data import overconfident, softmax

from keras_refcal.decisions import ConformalSets, SelectiveClassifier
from keras_refcal.evaluation.acting import (
    SetsResult,
    named_groups,
    selective_result,
    sets_results,
)
from keras_refcal.predictions import as_predictions
from keras_refcal.report import SavedPredictions
from keras_refcal.report.acting_charts import sets_chart

COUNTS = [500, 200, 50, 10]


def predictions(seed, sharpness=1.0):
    labels, logits = overconfident(seed, 1000, sharpness=sharpness)
    return as_predictions(labels, softmax(logits.astype("float64")))


def test_the_threshold_is_that_of_the_selective_classifier():
    validation, test = predictions(0), predictions(1)
    found = selective_result(validation, test, 0.3)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Softmax()])
    selective = SelectiveClassifier(model, target_risk=0.3)
    selective.fit_threshold(validation.labels, validation.probabilities)
    assert found.threshold == pytest.approx(float(selective.thresholds[0]))
    answered = test.confidence >= found.threshold
    assert found.coverage == pytest.approx(answered.mean())
    assert found.risk == pytest.approx(np.mean(~test.correct[answered]))
    assert 0.1 < found.coverage < 1


def test_where_no_threshold_keeps_the_risk_nothing_is_answered():
    found = selective_result(predictions(0), predictions(1), 1e-4)
    assert (found.threshold, found.coverage) == (None, 0.0)
    assert np.isnan(found.risk)


def test_the_sets_are_those_of_the_layer():
    validation, test = predictions(0), predictions(1)
    kinds = {
        "THR": {"score": "thr"},
        "APS": {"score": "aps"},
        "RAPS": {"score": "raps"},
        "PAS": {"score": "pas", "class_counts": COUNTS},
        "THR by third": {
            "condition": "group",
            "class_counts": COUNTS,
            "groups": "thirds",
        },
        "THR by cluster": {"condition": "cluster"},
        "THR by class": {"condition": "class"},
    }
    found = sets_results(validation, test, 0.8, COUNTS)
    assert [one.name for one in found] == [*kinds]
    for one in found:
        layer = ConformalSets(0.8, **kinds[one.name])
        layer.fit(validation.labels, validation.probabilities)
        sets = keras.ops.convert_to_numpy(layer(test.probabilities.astype("float32")))
        # One sample may lie on the threshold, which is float32 there.
        assert np.sum(one.sizes != sets.sum(axis=1)) <= 1
        assert np.sum(one.covered != sets[np.arange(1000), test.labels]) <= 1


def test_the_gap_of_coverage_is_the_mean_over_classes():
    labels = np.array([0, 0, 0, 0, 2, 2, 1])
    covered = np.array([1, 1, 1, 0, 1, 0, 0], bool)
    one = SetsResult("THR", labels, covered, np.ones(7))
    rows = labels != 1
    assert one.coverage_gap(0.9, rows) == pytest.approx((0.15 + 0.4) / 2)
    validation, test = predictions(0), predictions(1)
    chart = sets_chart(SavedPredictions(test), SavedPredictions(validation), 0.4)
    (table,) = [view.table for view in chart.views if view.label == "Gap"]
    thr, *_ = sets_results(validation, test, 0.4)
    every = np.ones(1000, bool)
    assert dict(table.rows)["THR"] == thr.coverage_gap(0.4, every)


def test_the_share_of_empty_sets_is_printed():
    validation, test = predictions(0), predictions(1)
    chart = sets_chart(SavedPredictions(test), SavedPredictions(validation), 0.4)
    thr, aps, *_ = sets_results(validation, test, 0.4)
    assert 0.1 < thr.empty.mean() < 0.6 and not aps.empty.any()
    printed = f"THR {100 * thr.empty.mean():.1f}\xa0%, APS 0.0\xa0%"
    assert printed in chart.reading
    (table,) = [view.table for view in chart.views if view.label == "Empty"]
    assert dict(table.rows)["THR"] == thr.empty.mean()


def test_groups_are_named_and_none_is_empty():
    labels = np.array([0, 0, 3, 1])
    groups = named_groups(labels, COUNTS)
    assert {name: rows.sum() for name, rows in groups.items()} == {
        "All": 4,
        "Head": 3,
        "Tail": 1,
    }
    assert [*named_groups(labels, None)] == ["All"]
