import types

import numpy as np
import pytest
from random_predictions import draw

from keras_refcal import evaluation, report
from keras_refcal.report import plots

COUNTS = [300, 40, 5]
HISTORY = [{"loss": 2.0, "refinement_loss": 1.5}, {"loss": 1.0, "ece": 0.1}]
ROWS = {
    "refcal": {"accuracy": 0.6, "ece": 0.05, "refinement": 0.95},
    "crl": {"accuracy": 0.5, "ece": 0.2},
}


@pytest.fixture(autouse=True)
def close_figures():
    import matplotlib.pyplot as plt

    plt.switch_backend("Agg")
    yield
    plt.close("all")


def _drawings():
    labels, probabilities = draw(0, 120, 3)
    curve = evaluation.reliability_curve(labels, probabilities)
    groups = evaluation.group_reliability_curves(
        labels, probabilities, class_counts=COUNTS
    )
    histogram = evaluation.confidence_histogram(labels, probabilities)
    risk = evaluation.risk_coverage_curve(labels, probabilities)
    classes = evaluation.class_calibration(labels, probabilities)
    return {
        "reliability": (report.plot_reliability, curve),
        "reliabilities": (report.plot_reliabilities, groups),
        "histogram": (report.plot_confidence_histogram, histogram),
        "risk": (report.plot_risk_coverage, risk),
        "risks": (report.plot_risk_coverage, {"a": risk, "b": risk}),
        "classes": (report.plot_class_calibration, classes),
        "training": (report.plot_training, HISTORY),
        "methods": (report.plot_method_comparison, ROWS),
    }


@pytest.mark.parametrize("name", sorted(_drawings()))
def test_plots_draw_on_the_given_axes_and_save(name, tmp_path):
    import matplotlib.pyplot as plt

    draw_it, what = _drawings()[name]
    figure, ax = plt.subplots()
    assert draw_it(what, ax, title="A title") is ax
    assert ax.get_title() == "A title"
    plots.save(draw_it(what), tmp_path / "own.png")
    plots.save(figure, tmp_path / "given.svg")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["given.svg", "own.png"]


def test_reliability_bars_stand_at_the_curve():
    curve = evaluation.ReliabilityCurve.from_counts(
        [0.0, 0.5, 1.0], [4, 6], [1.0, 5.4], [2, 3]
    )
    ax = report.plot_reliability(curve, level=None, counts=False)
    accuracy, gap = ax.containers[:2]
    np.testing.assert_allclose([bar.get_height() for bar in accuracy], [0.5, 0.5])
    np.testing.assert_allclose([bar.get_height() for bar in gap], [-0.25, 0.4])
    assert ax.get_title() == "ECE 0.3400"


def test_a_curve_without_samples_is_drawn_empty():
    curve = evaluation.ReliabilityCurve.from_counts([0, 0.5, 1], [0, 0], [0, 0], [0, 0])
    assert report.plot_reliability(curve).get_title() == "ECE nan"


def test_epoch_logs_read_keras_histories():
    history = types.SimpleNamespace(history={"loss": [2.0, 1.0]})
    assert plots.epoch_logs(history) == {"loss": [2.0, 1.0]}
    logs = plots.epoch_logs(HISTORY)
    assert logs["loss"] == [2.0, 1.0]
    assert np.isnan(logs["ece"][0]) and logs["ece"][1] == 0.1


def test_a_failed_save_leaves_the_old_file(tmp_path):
    path = tmp_path / "plot.png"
    path.write_bytes(b"old")
    ax = report.plot_training(HISTORY)
    with pytest.raises(ValueError, match="not supported"):
        plots.save(ax, path, format="no such format")
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [b"old"]
