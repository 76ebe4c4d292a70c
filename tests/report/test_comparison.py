import dataclasses

import numpy as np
import pytest
from random_predictions import draw
from run_directories import write_json, write_predictions, write_run

from keras_refcal import evaluation, report
from keras_refcal.predictions import as_predictions
from keras_refcal.report.comparison import make_comparison
from keras_refcal.report.scores import judge
from keras_refcal.report.tables import MINUS

FAST = report.ReportSettings(bootstrap=40)


def _entry(label, labels, probabilities, **others):
    saved = report.SavedPredictions(as_predictions(labels, probabilities))
    return report.Entry(label, saved, source="memory", **others)


def _compare(*entries):
    judged = {entry.label: judge(entry.saved, FAST) for entry in entries}
    return make_comparison(entries, judged, FAST)


def _pair():
    labels, good = draw(1, 400, 4)
    bad = 0.5 * good + 0.5 * draw(2, 400, 4)[1]
    return labels, _entry("good", labels, good), _entry("bad", labels, bad)


def test_differences_are_those_of_the_figures():
    _, good, bad = _pair()
    comparison = _compare(good, bad)
    rows = {row[0]: row[1] for row in comparison.differences.rows}
    accuracy = [np.mean(e.saved.predictions.correct) for e in (good, bad)]
    cell = rows["Accuracy, points"]
    assert cell.value == pytest.approx(accuracy[1] - accuracy[0])
    low, high = (float(t.replace(MINUS, "-")) for t in cell.note.split(" to "))
    assert low < 100 * cell.value < high and high - low < 15


def test_a_classifier_does_not_differ_from_itself():
    labels, probabilities = draw(1, 100, 3)
    entries = [_entry(name, labels, probabilities) for name in "ab"]
    comparison = _compare(*entries)
    for _, cell, _ in comparison.differences.rows:
        assert cell.value == 0 and not cell.best
    assert not any(cell.best for row in comparison.methods.rows for cell in row[1:])


def test_the_best_of_each_figure_stands_out():
    labels, good, bad = _pair()
    rows = _compare(good, bad).methods.rows
    scores = {
        entry.label: evaluation.evaluate(labels, entry.saved.predictions.probabilities)
        for entry in (good, bad)
    }
    ece = [scores[name]["ece"] for name in ("good", "bad")]
    assert [row[2].best for row in rows] == [ece[0] < ece[1], ece[1] < ece[0]]
    assert [row[1].best for row in rows] == [True, False]


def test_means_over_seeds_come_before_figures_of_one():
    labels, probabilities = draw(1, 100, 3)
    over = {"ece": {"mean": 0.25, "spread": 0.5}}
    entries = [
        _entry("a", labels, probabilities, over_seeds=over, seeds=3),
        _entry("b", labels, probabilities),
    ]
    comparison = _compare(*entries)
    assert comparison.methods.rows[0][2].text == "0.2500 ± 0.5000"
    assert "3 seeds of a" in comparison.notes[0]


def test_other_test_labels_forbid_paired_differences():
    labels, probabilities = draw(1, 100, 3)
    entries = [
        _entry("a", labels, probabilities),
        _entry("b", labels[:90], probabilities[:90]),
    ]
    comparison = _compare(*entries)
    assert comparison.differences is None
    assert "test samples differ" in comparison.notes[-1]


def test_other_samples_of_the_same_labels_are_not_paired():
    labels, probabilities = draw(1, 100, 3)
    numbers = np.arange(100)
    for ours, theirs, paired in (
        (numbers, numbers, True),
        (numbers, None, True),
        (numbers, numbers[::-1], False),
    ):
        entries = [
            dataclasses.replace(
                entry, saved=dataclasses.replace(entry.saved, sample_number=number)
            )
            for entry, number in (
                (_entry("a", labels, probabilities), ours),
                (_entry("b", labels, probabilities), theirs),
            )
        ]
        assert (_compare(*entries).differences is not None) is paired


def test_a_page_of_two_runs_tells_what_differs(tmp_path):
    one = report.read_run(write_run(tmp_path / "one"))
    write_predictions(tmp_path / "two" / "predictions.npz", seed=5)
    write_json(tmp_path / "two" / "config.json", {"dataset": "other", "method": "crl"})
    text = report.render_comparison([one, report.read_run(tmp_path / "two")], FAST)
    for name in ("one · refcal", "one · cross_entropy", "two", "Settings that differ"):
        assert name in text
    assert ">digits<" in text and ">other<" in text


def test_one_classifier_cannot_be_compared():
    labels, probabilities = draw(1, 30, 3)
    run = report.Run("run", (_entry("alone", labels, probabilities),))
    with pytest.raises(ValueError, match=r"two classifiers or more.*alone"):
        report.render_comparison(run)
