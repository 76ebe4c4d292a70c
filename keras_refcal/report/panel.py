"""Everything the page says of one classifier."""

import dataclasses

import numpy as np

from keras_refcal.evaluation import classes as by_class
from keras_refcal.ops.class_groups import shot_groups, third_groups
from keras_refcal.report import charts
from keras_refcal.report.acting_charts import selective_mark, sets_chart
from keras_refcal.report.meanings import HEADLINES, MEANINGS
from keras_refcal.report.runs import Entry
from keras_refcal.report.scores import interval
from keras_refcal.report.settings import ReportSettings
from keras_refcal.report.tables import (
    DASH,
    Cell,
    Chart,
    Column,
    Table,
    shown,
)
from keras_refcal.report.thumbnails import thumbnail

MOST_CLASSES = 1000


@dataclasses.dataclass(frozen=True)
class Panel:
    """What the page shows of one classifier.

    Attributes:
        label: Its name.
        source: The file of its predictions.
        verdict: How sure it is against how often it is right.
        headlines: The figures that stand on top.
        charts: Diagrams by name.
        scores: One table a topic, by topic.
        groups: Accuracy and ECE of groups of classes, or `None`.
        classes: Every class, the worst-calibrated first.
        mistakes: The most confident wrong answers.
        mistake_table: The same as a table.
        conventions: What the figures depend on, in words.
    """

    label: str
    source: str
    verdict: dict
    headlines: list[dict]
    charts: dict[str, Chart]
    scores: dict[str, Table]
    groups: Table | None
    classes: Table
    mistakes: list[dict]
    mistake_table: Table
    conventions: list[tuple[str, str]]


def make_panel(entry: Entry, scores: dict, settings: ReportSettings) -> Panel:
    """Computes curves and tables of one classifier.

    Args:
        entry: The classifier.
        scores: What `judge` returned for it.
        settings: Bins and conventions.
    """
    saved = entry.saved
    classes = by_class.class_calibration(
        saved.predictions, class_counts=saved.class_counts, **settings.bins
    )
    level = settings.confidence_level
    mistakes = _mistakes(saved, settings.mistakes)
    chosen = sets = None
    if entry.validation is not None:
        chosen = selective_mark(saved, entry.validation, settings.target_risk, level)
        sets = sets_chart(saved, entry.validation, settings.coverage)
    drawn = (
        charts.reliability_chart(saved, settings, level),
        charts.histogram_chart(saved, settings),
        charts.risk_coverage_chart(saved, scores, chosen),
        sets,
        charts.classes_chart(saved, classes),
        charts.training_chart(entry.history),
    )
    return Panel(
        label=entry.label,
        source=entry.source,
        verdict=_verdict(saved.predictions),
        headlines=[headline(name, scores) for name in HEADLINES],
        charts={chart.name: chart for chart in drawn if chart},
        scores=_score_tables(scores, level),
        groups=_group_table(saved, scores),
        classes=_class_table(saved, classes),
        mistakes=mistakes,
        mistake_table=_mistake_table(mistakes),
        conventions=settings.described(saved),
    )


def headline(name, scores) -> dict:
    """Returns a figure as it stands on top of the page."""
    meaning = MEANINGS[name]
    return {
        "title": meaning.title,
        "value": shown(scores[name], meaning.kind),
        "interval": interval(name, scores),
        "better": meaning.better,
        "text": meaning.text,
    }


def _verdict(predictions):
    accuracy = float(np.mean(predictions.correct))
    confidence = float(np.mean(predictions.confidence))
    gap = confidence - accuracy
    points = f"{100 * abs(gap):.1f} points"
    if abs(gap) < 0.005:
        text = "about as sure as it is right"
    else:
        text = f"{'over' if gap > 0 else 'under'}confident by {points}"
    return {"accuracy": accuracy, "confidence": confidence, "gap": gap, "text": text}


def _score_tables(scores, level):
    columns = (
        Column("Figure"),
        Column("Value", "number", f"Below it the {100 * level:g} % interval"),
        Column("Better"),
    )
    topics = {}
    for name, meaning in MEANINGS.items():
        value = scores[name]
        row = [
            Cell(meaning.title, meaning.title, note=meaning.text),
            Cell(value, shown(value, meaning.kind), note=interval(name, scores)),
            meaning.better or DASH,
        ]
        topics.setdefault(meaning.topic, []).append(row)
    return {topic: Table(topic, columns, rows) for topic, rows in topics.items()}


def _group_table(saved, scores):
    counts = saved.class_counts
    if counts is None:
        return None
    labels = saved.predictions.labels
    rows = [
        [
            Cell(title, title, note=note),
            int(members.sum()),
            int(members[labels].sum()),
            scores[f"accuracy_{name}"],
            scores[f"ece_{name}"],
        ]
        for groups, titles in (
            (shot_groups(counts), SHOTS),
            (third_groups(counts), THIRDS),
        )
        for (name, members), (title, note) in zip(groups.items(), titles, strict=True)
    ]
    columns = (
        Column("Group"),
        Column("Classes", "count"),
        Column("Test samples", "count"),
        Column("Accuracy", "share"),
        Column("ECE", "number"),
    )
    return Table("Groups of classes by training samples", columns, rows)


SHOTS = (
    ("Many-shot", "more than 100 training samples"),
    ("Medium-shot", "20 to 100"),
    ("Few-shot", "fewer than 20"),
)
THIRDS = (
    ("Head", "the largest third of the classes"),
    ("Middle", "the middle third"),
    ("Tail", "the smallest third"),
)


def _class_table(saved, classes):
    known = classes.train_samples is not None
    columns = [
        Column("Class"),
        Column("Train", "count", "Training samples"),
        Column("Test", "count", "Test samples"),
        Column("Recall", "share", "Share of its samples that are answered right"),
        Column("Precision", "share", "Share of right answers where it is predicted"),
        Column("Confidence", "share", "Mean confidence on its samples"),
        Column("Gap, points", "points", "Confidence minus recall"),
        Column("Error", "number", "Calibration error of the class's probability"),
    ]
    if not known:
        del columns[1]
    rows = []
    for class_id in classes.worst[:MOST_CLASSES].tolist():
        train = [classes.train_samples[class_id]] if known else []
        values = (
            classes.samples,
            classes.accuracy,
            classes.precision,
            classes.confidence,
            classes.gap,
            classes.error,
        )
        rows.append(
            [saved.name_of(class_id), *train, *(array[class_id] for array in values)]
        )
    caption = "Every class, the largest calibration error first"
    if len(classes.samples) > MOST_CLASSES:
        caption = (
            f"The {MOST_CLASSES} worst-calibrated of {len(classes.samples)} classes"
        )
    return Table(caption, tuple(columns), rows, shown=12)


def _mistakes(saved, limit):
    predictions = saved.predictions
    return [
        {
            "row": row,
            "said": saved.name_of(int(predictions.predicted[row])),
            "was": saved.name_of(int(predictions.labels[row])),
            "confidence": float(predictions.confidence[row]),
            "label_probability": float(predictions.label_probability[row]),
            "image": None if saved.images is None else thumbnail(saved.images[row]),
        }
        for row in by_class.confident_mistakes(predictions, limit).tolist()
    ]


def _mistake_table(mistakes):
    columns = (
        Column("Sample", "count"),
        Column("Answered"),
        Column("Is"),
        Column("Confidence", "share"),
        Column("Probability of what it is", "share"),
    )
    names = ("row", "said", "was", "confidence", "label_probability")
    rows = [[one[name] for name in names] for one in mistakes]
    return Table("Wrong answers, the most confident first", columns, rows, shown=12)
