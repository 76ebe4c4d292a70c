"""The diagrams of one classifier."""

import itertools

import numpy as np

from keras_refcal.evaluation.classes import (
    ClassCalibration,
    classwise_reliability_curve,
    group_reliability_curves,
)
from keras_refcal.evaluation.curves import (
    ReliabilityCurve,
    confidence_histogram,
    reliability_curve,
    risk_coverage_curve,
)
from keras_refcal.report.plots import LOSS_TERMS
from keras_refcal.report.tables import (
    Chart,
    Column,
    Table,
    View,
    plain,
    shown,
)

CURVE_POINTS = 240


def reliability_chart(saved, settings, level) -> Chart:
    """Confidence against accuracy: predicted class, all classes, groups of classes."""
    predictions, options = saved.predictions, settings.bins
    top = reliability_curve(predictions, **options)
    every = classwise_reliability_curve(predictions, **options)
    views = [
        _reliability_view("Predicted class", top, level, "accuracy"),
        _reliability_view("All classes", every, level, "frequency"),
    ]
    if saved.class_counts is not None:
        curves = group_reliability_curves(
            predictions, class_counts=saved.class_counts, **options
        )
        views.append(reliabilities_view("Groups", curves))
    return Chart(
        "reliability",
        "Reliability",
        "Points on the diagonal are calibrated; below it the classifier is surer than "
        f"it is right. Whiskers: {100 * level:g} % interval. Bars at the bottom: "
        "samples in each bin.",
        tuple(views),
    )


def _reliability_view(label, curve: ReliabilityCurve, level, outcome):
    low, high = curve.accuracy_interval(level)
    columns = (
        Column("Confidence"),
        Column("Samples", "count"),
        Column("Mean confidence", "share"),
        Column(outcome.capitalize(), "share"),
        Column("Low", "share", f"{100 * level:g} % interval"),
        Column("High", "share", f"{100 * level:g} % interval"),
        Column("Gap, points", "points"),
    )
    names = _bin_names(curve.edges)
    values = zip(
        names,
        curve.weight,
        curve.confidence,
        curve.accuracy,
        low,
        high,
        curve.gap,
        strict=True,
    )
    data = {
        "edges": plain(curve.edges),
        "weight": plain(curve.weight),
        "confidence": plain(curve.confidence),
        "accuracy": plain(curve.accuracy),
        "low": plain(low),
        "high": plain(high),
        "outcome": outcome,
        "error": plain([curve.expected_calibration_error])[0],
    }
    return View(
        label,
        "reliability",
        data,
        f"Reliability diagram, {label.lower()}: {outcome} in {len(names)} bins of "
        f"confidence, mean gap {shown(curve.expected_calibration_error)}.",
        Table(f"Reliability, {label.lower()}", columns, [list(row) for row in values]),
    )


def reliabilities_view(label, curves) -> View:
    """Several reliability curves in one diagram, by name."""
    series, rows = [], []
    for name, curve in curves.items():
        filled = curve.weight > 0
        error = curve.expected_calibration_error
        series.append(
            {
                "name": name,
                "error": plain([error])[0],
                "x": plain(curve.confidence[filled]),
                "y": plain(curve.accuracy[filled]),
                "weight": plain(curve.weight[filled]),
            }
        )
        rows += [
            [f"{name}, {interval}", weight, confidence, accuracy, confidence - accuracy]
            for interval, weight, confidence, accuracy in zip(
                np.array(_bin_names(curve.edges))[filled].tolist(),
                curve.weight[filled],
                curve.confidence[filled],
                curve.accuracy[filled],
                strict=True,
            )
        ]
    columns = (
        Column("Curve, confidence"),
        Column("Samples", "count"),
        Column("Mean confidence", "share"),
        Column("Accuracy", "share"),
        Column("Gap, points", "points"),
    )
    errors = ", ".join(f"{one['name']} ECE {shown(one['error'])}" for one in series)
    return View(
        label,
        "reliabilities",
        {"series": series},
        f"Reliability curves: {errors}.",
        Table(f"Reliability, {label.lower()}", columns, rows),
    )


def histogram_chart(saved, settings) -> Chart:
    """How confident right and wrong answers were."""
    histogram = confidence_histogram(saved.predictions, num_bins=settings.num_bins)
    right, wrong = histogram.right, histogram.wrong
    totals = right.sum(), wrong.sum()
    shares = [
        part / max(total, 1) for part, total in zip((right, wrong), totals, strict=True)
    ]
    rows = zip(_bin_names(histogram.edges), right, wrong, *shares, strict=True)
    table = Table(
        "Right and wrong answers by confidence",
        (
            Column("Confidence"),
            Column("Right", "count"),
            Column("Wrong", "count"),
            Column("Of the right", "share"),
            Column("Of the wrong", "share"),
        ),
        [list(row) for row in rows],
    )
    summary = (
        f"{totals[0]:,} right answers above the line and {totals[1]:,} wrong ones "
        "below it, by confidence."
    )
    edges = plain(histogram.edges)
    counts = {"edges": edges, "right": plain(right), "wrong": plain(wrong)}
    parts = {"edges": edges, "right": plain(shares[0]), "wrong": plain(shares[1])}
    return Chart(
        "histogram",
        "Confidence, right against wrong",
        "Wrong answers should crowd at low confidence. Shares give both halves the "
        "same area.",
        (
            View("Counts", "histogram", counts | {"unit": "count"}, summary, table),
            View("Shares", "histogram", parts | {"unit": "share"}, summary, None),
        ),
    )


def risk_coverage_chart(saved, scores, chosen=None) -> Chart:
    """What the error rate becomes when unsure answers are refused.

    Args:
        saved: The predictions.
        scores: What `judge` returned for them.
        chosen: What `selective_mark` returned, if a threshold was chosen.
    """
    predictions = saved.predictions
    curve = risk_coverage_curve(predictions)
    error = float(np.mean(~predictions.correct))
    view = risk_coverage_view(
        "Risk", {"answers": curve}, {"answers": scores["aurc"]}, error, chosen
    )
    reading = (
        "Refuse the least sure answers: how many of the rest are wrong? Dotted: a "
        "perfect ordering; dashed: a random one."
    )
    if chosen:
        reading += f" {chosen['text']}"
    return Chart("risk", "Risk against coverage", reading, (view,))


def risk_coverage_view(label, curves, areas, error=None, chosen=None) -> View:
    """Several risk-coverage curves in one diagram, by name."""
    series, rows = [], []
    for name, curve in curves.items():
        drawn = _thinned(curve.coverage)
        series.append(
            {
                "name": name,
                "x": plain(curve.coverage[drawn]),
                "y": plain(curve.risk[drawn]),
                "threshold": plain(curve.threshold[drawn]),
            }
        )
        for share in np.linspace(0.1, 1, 10):
            place = min(np.searchsorted(curve.coverage, share), len(curve.risk) - 1)
            risk, threshold = curve.risk[place], curve.threshold[place]
            rows.append([name, curve.coverage[place], risk, threshold])
    columns = (
        Column("Curve"),
        Column("Answered", "share"),
        Column("Of them wrong", "share"),
        Column("Least confidence", "number"),
    )
    said = ", ".join(f"{name} {shown(area)}" for name, area in areas.items())
    return View(
        label,
        "risk",
        {"series": series, "error": error, "chosen": chosen},
        f"Error rate by share of answers kept; area under the curve: {said}.",
        Table("Risk at coverages of a tenth and more", columns, rows),
    )


def classes_chart(saved, classes: ClassCalibration) -> Chart:
    """Accuracy and confidence of every class, the largest class first."""
    order = classes.by_size
    known = classes.train_samples is not None
    size = classes.train_samples if known else classes.samples
    by = "training samples" if known else "test samples"
    data = {
        "names": [saved.name_of(class_id) for class_id in order.tolist()],
        "size": plain(size[order]),
        "sizeName": by,
        "accuracy": plain(classes.accuracy[order]),
        "confidence": plain(classes.confidence[order]),
        "samples": plain(classes.samples[order]),
    }
    over = int(np.sum(classes.gap > 0))
    summary = (
        f"Accuracy and mean confidence of {len(order)} classes, the class with most "
        f"{by} first; {over} of them overconfident. The table Classes has the numbers."
    )
    return Chart(
        "classes",
        "Every class, by size",
        f"From the class with most {by} to the smallest. The line between accuracy "
        "and confidence is the gap.",
        (View("Classes", "classes", data, summary, None),),
    )


def training_chart(history) -> Chart | None:
    """Terms of the loss, and the shares that were measured, over the epochs."""
    views = [
        view
        for label, wanted in (("Loss", _is_loss), ("Accuracy and others", _is_share))
        if (view := _training_view(label, history, wanted))
    ]
    if not views:
        return None
    return Chart(
        "training",
        "Training",
        "Epoch by epoch; a vertical line opens a stage.",
        tuple(views),
    )


def _training_view(label, history, wanted):
    found = [name for _, logs in history for name in logs if wanted(name, logs[name])]
    names = dict.fromkeys([*(n for n in LOSS_TERMS if n in found), *found])
    if not names:
        return None
    stages, series, start = [], {name: [] for name in names}, 0
    for stage, logs in history:
        length = max((len(values) for values in logs.values()), default=0)
        stages.append({"name": stage, "start": start, "length": length})
        for name, values in series.items():
            values += plain([*logs.get(name, []), *[np.nan] * length][:length])
        start += length
    kind = "share" if label != "Loss" else "number"
    rows = [
        [epoch + 1, *(values[epoch] for values in series.values())]
        for epoch in range(start)
    ]
    table = Table(
        f"Training, {label.lower()}",
        (Column("Epoch", "count"), *(Column(name, "number") for name in names)),
        rows,
    )
    return View(
        label,
        "training",
        {
            "stages": stages,
            "unit": kind,
            "series": [{"name": name, "y": values} for name, values in series.items()],
        },
        f"{', '.join(names)} over {start} epochs.",
        table,
    )


def _is_loss(name, values):
    return name.endswith("loss")


def _is_share(name, values):
    if name.endswith("loss") or "learning_rate" in name:
        return False
    values = np.asarray(values, "float64")
    values = values[np.isfinite(values)]
    return bool(values.size) and values.min() >= 0 and values.max() <= 1


def _bin_names(edges):
    digits = 2 if len(edges) <= 102 else 4
    return [
        f"{low:.{digits}f} to {high:.{digits}f}"
        for low, high in itertools.pairwise(edges)
    ]


def _thinned(coverage):
    """Returns indices of points that are about evenly spread, with both ends."""
    wanted = np.linspace(0, 1, CURVE_POINTS)
    places = np.searchsorted(coverage, wanted).clip(max=len(coverage) - 1)
    return np.unique(np.append(places, len(coverage) - 1))
