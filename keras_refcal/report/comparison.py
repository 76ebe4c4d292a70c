"""Several classifiers beside each other."""

import dataclasses
from typing import Any

import numpy as np

from keras_refcal.evaluation.bootstrap import percentile_interval
from keras_refcal.evaluation.conventions import as_convention
from keras_refcal.evaluation.curves import reliability_curve, risk_coverage_curve
from keras_refcal.evaluation.scores import SCORES, Judged, Settings
from keras_refcal.report import charts
from keras_refcal.report.meanings import MEANINGS
from keras_refcal.report.tables import (
    NO_BREAK,
    Cell,
    Chart,
    Column,
    Table,
    View,
    shown,
)

COMPARED = {
    "accuracy": "Accuracy",
    "ece": "ECE",
    "refinement": "Refinement",
    "classwise_ece": "Classwise ECE",
    "nll": "NLL",
    "brier": "Brier",
    "aurc": "AURC",
}


@dataclasses.dataclass(frozen=True)
class Comparison:
    """What the page says of several classifiers.

    Attributes:
        charts: Diagrams by name.
        methods: One row a classifier.
        scores: Every figure, one column a classifier.
        differences: Differences to the first on the same samples, or `None`.
        notes: What a reader should know before comparing.
    """

    charts: dict[str, Chart]
    methods: Table
    scores: Table
    differences: Table | None
    notes: list[str]


def make_comparison(entries, judged, settings) -> Comparison:
    """Compares two classifiers or more.

    Args:
        entries: The classifiers, no two of one label.
        judged: Label to what `judge` returned.
        settings: Bins, conventions and bootstrap.
    """
    summaries = {entry.label: _summary(entry, judged[entry.label]) for entry in entries}
    notes = _notes(entries)
    if not _same_samples(entries):
        notes.append(
            "The test samples differ between the classifiers, so the figures speak of "
            "different samples and no paired differences are given."
        )
    return Comparison(
        charts={
            chart.name: chart
            for chart in (
                _scatter(summaries),
                _reliabilities(entries, settings),
                _risks(entries, judged),
            )
        },
        methods=_method_table(summaries),
        scores=_score_table(summaries),
        differences=_difference_table(entries, settings),
        notes=notes,
    )


def check_several(runs: Any) -> Any:
    """Raises `ValueError` if runs hold a single classifier."""
    labels = [entry.label for run in runs for entry in run.entries]
    if len(labels) < 2:
        raise ValueError(
            f"A comparison needs two classifiers or more. Received only: {labels[0]}"
        )


def _same_samples(entries):
    first, *others = (entry.saved for entry in entries)
    return all(first.is_of_samples_of(saved) for saved in others)


def _summary(entry, scores):
    """Returns figure to (mean, spread); the spread is NaN without several seeds."""
    summary = {name: (scores[name], np.nan) for name in MEANINGS}
    for name, over_seeds in entry.over_seeds.items():
        if name in summary and np.isfinite(over_seeds["mean"]):
            summary[name] = over_seeds["mean"], over_seeds["spread"]
    return summary


def _notes(entries):
    seeds = {entry.label: entry.seeds for entry in entries if entry.seeds > 1}
    if not seeds:
        return []
    if len(set(seeds.values())) == 1 and len(seeds) == len(entries):
        over = f"{entries[0].seeds} seeds"
    else:
        over = ", ".join(f"{count} seeds of {name}" for name, count in seeds.items())
    return [
        f"Figures with ± are mean and standard deviation over {over}; diagrams, and "
        "figures without ±, are those of the first seed."
    ]


def _scatter(summaries):
    points, rows = [], []
    for name, summary in summaries.items():
        values = {key: summary[key] for key in ("ece", "accuracy", "refinement")}
        points.append(
            {"name": name}
            | {key: charts.plain([mean])[0] for key, (mean, _) in values.items()}
            | {
                f"{key}_spread": charts.plain([spread])[0]
                for key, (_, spread) in values.items()
            }
        )
        rows.append([name, *(mean for mean, _ in values.values())])
    columns = (
        Column("Method"),
        Column("ECE", "number"),
        Column("Accuracy", "share"),
        Column("Refinement", "number"),
    )
    view = View(
        "Methods",
        "methods",
        {"points": points},
        "Methods by ECE and accuracy: "
        + ", ".join(
            f"{row[0]} {shown(row[1])} and {shown(row[2], 'share')}" for row in rows
        ),
        Table("Methods by ECE, accuracy and refinement", columns, rows),
    )
    return Chart(
        "methods",
        "Accuracy against calibration",
        "Up is more accurate, left better calibrated; the stronger the colour, the "
        "better the refinement. Whiskers: standard deviation over seeds.",
        (view,),
    )


def _reliabilities(entries, settings):
    curves = {
        entry.label: reliability_curve(entry.saved.predictions, **settings.bins)
        for entry in entries
    }
    return Chart(
        "reliabilities",
        "Reliability",
        "Below the diagonal a method is surer than it is right.",
        (charts.reliabilities_view("Predicted class", curves),),
    )


def _risks(entries, judged):
    curves = {
        entry.label: risk_coverage_curve(entry.saved.predictions) for entry in entries
    }
    areas = {name: scores["aurc"] for name, scores in judged.items()}
    return Chart(
        "risks",
        "Risk against coverage",
        "Refuse the least sure answers: how many of the rest are wrong?",
        (charts.risk_coverage_view("Risk", curves, areas),),
    )


def _method_table(summaries):
    best = {name: _best(name, summaries) for name in COMPARED}
    rows = [
        [label, *(_cell(name, summary, best[name]) for name in COMPARED)]
        for label, summary in summaries.items()
    ]
    columns = (
        Column("Method"),
        *(
            Column(title, "number", f"{MEANINGS[name].title}. {MEANINGS[name].text}")
            for name, title in COMPARED.items()
        ),
    )
    return Table("Methods", columns, rows)


def _score_table(summaries):
    rows = []
    for name, meaning in MEANINGS.items():
        best = _best(name, summaries)
        cells = [_cell(name, summary, best) for summary in summaries.values()]
        rows.append([meaning.title, *cells, meaning.better])
    columns = (
        Column("Figure"),
        *(Column(label, "number") for label in summaries),
        Column("Better"),
    )
    return Table("Every figure", columns, rows)


def _best(name, summaries):
    better = MEANINGS[name].better
    means = [summary[name][0] for summary in summaries.values()]
    means = [mean for mean in means if np.isfinite(mean)]
    if not better or not means or min(means) == max(means):
        return None
    return max(means) if better == "higher" else min(means)


def _cell(name, summary, best):
    mean, spread = summary[name]
    kind = MEANINGS[name].kind
    text = shown(mean, kind)
    if np.isfinite(spread):
        text = f"{text.removesuffix(f'{NO_BREAK}%')} ± {shown(spread, kind)}"
    return Cell(mean, text, best is not None and mean == best)


def differences(entries, settings) -> dict[str, dict[str, dict[str, float]]]:
    """Returns paired differences to the first entry, with bootstrap intervals.

    Args:
        entries: Classifiers, no two of one label.
        settings: Bins, conventions and bootstrap.

    Returns:
        Label to figure to `difference`, `low` and `high`; empty for one classifier,
        for other test labels and without bootstrap.
    """
    first, *others = entries
    samples = first.saved.predictions.num_samples
    names = settings.resampled(samples)
    if not names or not others or not _same_samples(entries):
        return {}
    options = Settings(settings.num_bins, convention=as_convention(settings.convention))
    estimates = _all_scores(entries, names, options, rows=None)
    generator = np.random.default_rng(settings.seed)
    draws = (
        generator.integers(samples, size=samples) for _ in range(settings.bootstrap)
    )
    replicates = np.array(
        [_all_scores(entries, names, options, rows) for rows in draws]
    )
    found = {}
    for number, entry in enumerate(others, 1):
        gaps = replicates[:, number] - replicates[:, 0]
        found[entry.label] = {
            name: _interval(
                estimates[number, place] - estimates[0, place],
                gaps[:, place],
                settings.confidence_level,
            )
            for place, name in enumerate(names)
        }
    return found


def _interval(difference, gaps, level):
    low, high = percentile_interval(gaps, level)
    return {"difference": float(difference), "low": low, "high": high}


def _all_scores(entries, names, options, rows):
    judged = [Judged(entry.saved.predictions, options, rows) for entry in entries]
    return np.array([[float(SCORES[name](one)) for name in names] for one in judged])


def _difference_table(entries, settings):
    found = differences(entries, settings)
    if not found:
        return None
    first = entries[0].label
    rows = []
    for name in next(iter(found.values())):
        unit = ", points" if MEANINGS[name].kind == "share2" else ""
        cells = [_difference(name, **of_entry[name]) for of_entry in found.values()]
        rows.append([MEANINGS[name].title + unit, *cells, MEANINGS[name].better])
    columns = (
        Column("Figure"),
        *(Column(f"{label} minus {first}", "number") for label in found),
        Column("Better"),
    )
    return Table(f"Differences to {first} on the same samples", columns, rows)


def _difference(name, difference, low, high):
    kind = "points" if MEANINGS[name].kind == "share2" else "signed"
    certain = np.isfinite(low) and (low > 0 or high < 0)
    note = f"{shown(low, kind)} to {shown(high, kind)}" if np.isfinite(low) else ""
    return Cell(difference, shown(difference, kind), bool(certain), note)
