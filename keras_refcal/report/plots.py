"""Curves drawn with matplotlib, which is imported when something is drawn.

Every function takes and returns an `Axes` and shows nothing; without one, it draws on
a new figure of `matplotlib.pyplot`.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_refcal.evaluation.classes import ClassCalibration
from keras_refcal.evaluation.curves import (
    ConfidenceHistogram,
    ReliabilityCurve,
    RiskCoverageCurve,
)
from keras_refcal.files import replacing

# Told apart by colour-blind readers and in grey print.
RIGHT, WRONG, QUIET = "#2f6f9f", "#d1603d", "0.55"
LOSS_TERMS = (
    "loss",
    "classification_loss",
    "calibration_loss",
    "refinement_loss",
)


def plot_reliability(
    curve: ReliabilityCurve,
    ax: Any = None,
    title: str | None = None,
    *,
    level: float = 0.95,
    counts: bool = True,
) -> Any:
    """Draws accuracy against confidence, bin by bin, with the gap between them.

    Args:
        curve: What `reliability_curve` returned, or `ReliabilityCurve.from_counts` of
            a streaming metric's state.
        ax: Axes to draw on; new ones by default.
        title: Title; by default the expected calibration error.
        level: Confidence level of the interval of each bin's accuracy; `None` for no
            intervals.
        counts: Whether to draw the share of samples in each bin along the bottom.

    Returns:
        The axes.

    >>> from keras_refcal import evaluation, report
    >>> curve = evaluation.reliability_curve([1, 0], [[0.2, 0.8], [0.6, 0.4]])
    >>> report.plot_reliability(curve).get_xlabel()
    'confidence'
    """
    ax = _axes(ax, (4.6, 4.6))
    filled = curve.weight > 0
    bars = {
        "x": curve.edges[:-1][filled],
        "width": np.diff(curve.edges)[filled],
        "align": "edge",
    }
    accuracy, confidence = curve.accuracy[filled], curve.confidence[filled]
    ax.plot([0, 1], [0, 1], "--", color=QUIET, linewidth=1, label="calibrated")
    ax.bar(height=accuracy, color=RIGHT, alpha=0.25, edgecolor=RIGHT, **bars)
    ax.bar(
        height=confidence - accuracy,
        bottom=accuracy,
        color=WRONG,
        alpha=0.35,
        label="gap",
        **bars,
    )
    if counts and filled.any():
        share = curve.weight[filled] / curve.weight.sum()
        ax.bar(
            height=0.12 * share / share.max(),
            color="0.25",
            alpha=0.6,
            label=f"samples (tallest {100 * share.max():.0f} %)",
            **bars,
        )
    _draw_accuracy(ax, curve, filled, level)
    ax.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence", ylabel="accuracy")
    ax.set_title(title or f"ECE {curve.expected_calibration_error:.4f}")
    ax.legend(loc="upper left", fontsize="small", frameon=False)
    return ax


def _draw_accuracy(ax, curve, filled, level):
    accuracy, confidence = curve.accuracy[filled], curve.confidence[filled]
    spread, label = None, "accuracy"
    if level is not None:
        low, high = (bound[filled] for bound in curve.accuracy_interval(level))
        spread = np.maximum([accuracy - low, high - accuracy], 0)
        label = f"accuracy ({100 * level:g} % interval)"
    ax.errorbar(
        confidence,
        accuracy,
        yerr=spread,
        fmt="o-",
        color=RIGHT,
        markersize=4,
        capsize=2,
        label=label,
    )


def plot_reliabilities(
    curves: Mapping[str, ReliabilityCurve], ax: Any = None, title: str | None = None
) -> Any:
    """Draws several reliability curves in one diagram, each with its ECE.

    Args:
        curves: Name to curve: methods, groups of `group_reliability_curves`, classes.
        ax: Axes to draw on; new ones by default.
        title: Title of the axes.

    Returns:
        The axes.

    >>> from keras_refcal import evaluation, report
    >>> curves = evaluation.group_reliability_curves(
    ...     [1, 0], [[0.1, 0.9], [0.6, 0.4]], class_counts=[500, 5])
    >>> len(report.plot_reliabilities(curves).lines)
    5
    """
    ax = _axes(ax, (4.6, 4.6))
    for name, curve in curves.items():
        filled = curve.weight > 0
        label = f"{name} (ECE {curve.expected_calibration_error:.3f})"
        ax.plot(
            curve.confidence[filled],
            curve.accuracy[filled],
            "o-",
            markersize=4,
            label=label,
        )
    ax.plot([0, 1], [0, 1], "--", color=QUIET, linewidth=1)
    ax.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence", ylabel="accuracy")
    ax.set_title(title or "Reliability")
    ax.legend(loc="upper left", fontsize="small", frameon=False)
    return ax


def plot_confidence_histogram(
    histogram: ConfidenceHistogram, ax: Any = None, title: str | None = None
) -> Any:
    """Draws how many answers were right and wrong at each confidence.

    Args:
        histogram: What `confidence_histogram` returned.
        ax: Axes to draw on; new ones by default.
        title: Title of the axes.

    Returns:
        The axes.

    >>> from keras_refcal import evaluation, report
    >>> histogram = evaluation.confidence_histogram([1, 1], [[0.1, 0.9], [0.6, 0.4]])
    >>> report.plot_confidence_histogram(histogram).get_ylabel()
    'samples'
    """
    ax = _axes(ax, (5.2, 3.6))
    bars = {"x": histogram.edges[:-1], "width": np.diff(histogram.edges)}
    for name, height, colour in (
        ("right", histogram.right, RIGHT),
        ("wrong", histogram.wrong, WRONG),
    ):
        ax.bar(
            height=height,
            align="edge",
            color=colour,
            alpha=0.5,
            edgecolor=colour,
            label=f"{name} ({int(height.sum())})",
            **bars,
        )
    ax.set(xlim=(0, 1), xlabel="confidence", ylabel="samples")
    ax.set_title(title or "Confidence of right and wrong answers")
    ax.legend(fontsize="small", frameon=False)
    return ax


def plot_risk_coverage(
    curves: RiskCoverageCurve | Mapping[str, RiskCoverageCurve],
    ax: Any = None,
    title: str | None = None,
) -> Any:
    """Draws the error rate of the answers that remain when unsure ones are refused.

    Args:
        curves: What `risk_coverage_curve` returned, or a mapping from names to curves.
        ax: Axes to draw on; new ones by default.
        title: Title of the axes.

    Returns:
        The axes.

    >>> from keras_refcal import evaluation, report
    >>> curve = evaluation.risk_coverage_curve([1, 1], [[0.1, 0.9], [0.6, 0.4]])
    >>> report.plot_risk_coverage(curve).get_xlabel()
    'coverage'
    """
    ax = _axes(ax, (5.2, 3.6))
    named = isinstance(curves, Mapping)
    for name, curve in (curves if named else {"": curves}).items():
        ax.plot(curve.coverage, curve.risk, drawstyle="steps-post", label=name)
    ax.set(xlim=(0, 1), xlabel="coverage", ylabel="risk (error rate)")
    ax.set_ylim(bottom=0)
    ax.set_title(title or "Risk against coverage")
    if named:
        ax.legend(fontsize="small", frameon=False)
    return ax


def plot_class_calibration(
    classes: ClassCalibration, ax: Any = None, title: str | None = None
) -> Any:
    """Draws accuracy and mean confidence of every class, the largest class first.

    Args:
        classes: What `class_calibration` returned.
        ax: Axes to draw on; new ones by default.
        title: Title of the axes.

    Returns:
        The axes.

    >>> from keras_refcal import evaluation, report
    >>> classes = evaluation.class_calibration([1, 0], [[0.1, 0.9], [0.4, 0.6]])
    >>> report.plot_class_calibration(classes).get_ylabel()
    'share'
    """
    ax = _axes(ax, (7.2, 3.6))
    order = classes.by_size
    accuracy, confidence = classes.accuracy[order], classes.confidence[order]
    rank = np.arange(len(order))
    ax.vlines(rank, accuracy, confidence, color=WRONG, alpha=0.5, label="gap")
    ax.plot(rank, accuracy, "o", color=RIGHT, markersize=4, label="accuracy")
    ax.plot(rank, confidence, "D", color=WRONG, markersize=3.5, label="confidence")
    known = "training" if classes.train_samples is not None else "test"
    ax.set(ylim=(0, 1), ylabel="share")
    ax.set_xlabel(f"classes, most {known} samples first")
    ax.set_title(title or "Calibration of every class")
    ax.legend(fontsize="small", frameon=False)
    return ax


def plot_training(
    history: Any, ax: Any = None, title: str | None = None, *, terms: Any = LOSS_TERMS
) -> Any:
    """Draws the terms of the loss over the epochs.

    Args:
        history: What `model.fit` returned, its `history` mapping, or a list with one
            mapping of logs an epoch.
        ax: Axes to draw on; new ones by default.
        title: Title of the axes.
        terms: Names of logs to draw; those that are not there are left out.

    Returns:
        The axes.

    >>> from keras_refcal import report
    >>> axes = report.plot_training({"loss": [2.0, 1.0], "accuracy": [0.1, 0.2]})
    >>> [line.get_label() for line in axes.lines]
    ['loss']
    """
    ax = _axes(ax, (5.2, 3.6))
    logs = epoch_logs(history)
    for name in terms:
        if name in logs:
            epochs = 1 + np.arange(len(logs[name]))
            marker = "o" if len(epochs) == 1 else None
            ax.plot(epochs, logs[name], marker=marker, label=name)
    ax.set(xlabel="epoch", ylabel="loss")
    ax.set_title(title or "Terms of the loss")
    if ax.lines:
        ax.legend(fontsize="small", frameon=False)
    return ax


def epoch_logs(history) -> dict[str, list]:
    """Returns name to one value an epoch; NaN where an epoch lacks it.

    Args:
        history: What `model.fit` returned, its `history` mapping, or a list with one
            mapping of logs an epoch.

    >>> epoch_logs([{"loss": 2.0}, {"loss": 1.0, "ece": 0.1}])
    {'loss': [2.0, 1.0], 'ece': [nan, 0.1]}
    """
    logs = getattr(history, "history", history)
    if not isinstance(logs, Mapping):
        names = dict.fromkeys(name for epoch in logs for name in epoch)
        logs = {name: [epoch.get(name) for epoch in logs] for name in names}
    return {
        name: [np.nan if value is None else float(value) for value in values]
        for name, values in logs.items()
    }


def plot_method_comparison(
    rows: Mapping[str, Mapping], ax: Any = None, title: str | None = None
) -> Any:
    """Draws methods by accuracy and ECE, coloured by refinement.

    Better methods lie further up (more accurate) and left (better calibrated).

    Args:
        rows: Name of a method to its figures: `accuracy`, `ece` and, where known,
            `refinement`, as `evaluate` returns them.
        ax: Axes to draw on; new ones by default.
        title: Title of the axes.

    Returns:
        The axes.

    >>> from keras_refcal import report
    >>> rows = {"refcal": {"accuracy": 0.6, "ece": 0.1, "refinement": 0.95}}
    >>> report.plot_method_comparison(rows).get_ylabel()
    'accuracy'
    """
    ax = _axes(ax, (5.6, 4.2))
    columns = ("ece", "accuracy", "refinement")
    values = [[row.get(name, np.nan) for name in columns] for row in rows.values()]
    ece, accuracy, refinement = np.array(values, "float64").reshape(-1, 3).T
    if np.isfinite(refinement).any():
        points = ax.scatter(ece, accuracy, c=refinement, s=70, plotnonfinite=True)
        ax.figure.colorbar(points, ax=ax, label="refinement (OVO AUROC)")
    else:
        ax.scatter(ece, accuracy, s=70)
    for name, x, y in zip(rows, ece, accuracy, strict=True):
        if np.isfinite(x) and np.isfinite(y):
            ax.annotate(name, (x, y), xytext=(6, 4), textcoords="offset points")
    ax.margins(0.2)
    ax.set(xlabel="ECE", ylabel="accuracy", title=title or "Methods")
    return ax


def save(figure_or_axes, path, **kwargs):
    """Writes a figure; the file is whole or, on an error, left as it was.

    Args:
        figure_or_axes: A matplotlib figure, or axes on it.
        path: Where to write; its suffix chooses the format.
        **kwargs: Passed to `Figure.savefig`.
    """
    figure = getattr(figure_or_axes, "figure", figure_or_axes)
    options = {"dpi": 150, "bbox_inches": "tight"} | kwargs
    with replacing(path) as temporary:
        figure.savefig(temporary, **options)


def _axes(ax, size):
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=size, layout="constrained")[1]
