"""Figures of predictions, and what a form gains over its control, seed by seed."""

import numpy as np
from scipy import stats

from keras_refcal.evaluation import evaluate
from keras_refcal.fitting.validation_set import ValidationSet

# Name, title, and factor of each figure; those in points are shares times 100.
FIGURES = {
    "accuracy": ("accuracy", 100),
    "accuracy_tail": ("tail", 100),
    "refinement": ("refinement", 100),
    "correctness_auroc": ("correctness AUROC", 100),
    "aurc": ("AURC", 100),
    "nll": ("NLL", 1),
    "ece": ("ECE", 100),
}
HEADS = ("classifier", "both")


def figures(validation, judged, counts):
    """Returns the figures of each head, after a temperature fitted on validation.

    `"both"` averages the probabilities of the classifier and of the nearest class
    mean, each with a temperature of its own, and then takes one temperature.

    Args:
        validation: What `Training.predictions` returned, with `"labels"`.
        judged: The same of the images to judge.
        counts: Training images of each class.
    """
    labels = validation["labels"]
    halves = []
    for kind in ("logits", "cosines"):
        fitted, found = (part[kind].astype("float64") for part in (validation, judged))
        halves.append(_tempered(fitted, found, labels))
    mixed = [np.log(sum(map(_softmax, part))) for part in zip(*halves, strict=True)]
    found = {"classifier": halves[0][1], "both": _tempered(*mixed, labels)[1]}
    return {
        head: {
            name: float(value)
            for name, value in evaluate(
                judged["labels"],
                logits=logits,
                class_counts=counts,
                scores=list(FIGURES),
            ).items()
        }
        for head, logits in found.items()
    }


def _tempered(fitted, found, labels):
    """Returns both over the temperature that serves `fitted` best."""
    weights = np.full(len(labels), 1 / len(labels))
    temperature = ValidationSet(labels, fitted, weights).best.temperature
    return fitted / temperature, found / temperature


def _softmax(logits):
    odds = np.exp(logits - logits.max(1, keepdims=True))
    return odds / odds.sum(1, keepdims=True)


def difference(values, others, level=0.95):
    """Returns mean and half-width of the t interval of paired differences."""
    differences = np.subtract(values, others)
    if len(differences) < 2:
        return differences.mean(), np.nan
    error = stats.sem(differences)
    return differences.mean(), error * stats.t.ppf(
        (1 + level) / 2, len(differences) - 1
    )


def best_gain(pairs, name="accuracy"):
    """Returns the mean gain of the head that gains most.

    Args:
        pairs: What `figures` returned of a form and of its control, seed by seed.
        name: Of the figure.
    """
    return max(
        np.mean([ours[head][name] - theirs[head][name] for ours, theirs in pairs])
        for head in HEADS
    )


def table(records, controls, part="validation"):
    """Returns Markdown lines: each form, and what it has more than its controls.

    Args:
        records: Form name → seed → record.
        controls: Form name → names of the forms to compare it with.
        part: `"validation"` or `"test"`.
    """
    titles = [title for title, _ in FIGURES.values()]
    lines = [
        f"| form | head | less | seeds | cost | {' | '.join(titles)} |",
        "|---" * (5 + len(titles)) + "|",
    ]
    for form, by_seed in records.items():
        cost = f"{np.mean([record['cost'] for record in by_seed.values()]):.2f}"
        for head in HEADS:
            rows = [record[part][head] for record in by_seed.values()]
            means = [f"{f * np.mean([r[k] for r in rows]):.2f}" for k, f in _factors()]
            lines.append(_line([form, head, "", len(rows), cost, *means]))
            others = [(control, other) for control in controls[form] for other in HEADS]
            for control, other in others:
                # The class means of a control are a second opinion, not the rule.
                if control not in records or (head, other) == ("classifier", "both"):
                    continue
                seeds = [seed for seed in by_seed if seed in records[control]]
                pairs = [
                    (by_seed[s][part][head], records[control][s][part][other])
                    for s in seeds
                ]
                cells = [_gain(pairs, name, factor) for name, factor in _factors()]
                lines.append(
                    _line(["", head, f"{control}, {other}", len(seeds), "", *cells])
                )
    return lines


def _factors():
    return [(name, factor) for name, (_, factor) in FIGURES.items()]


def _gain(pairs, name, factor):
    ours, theirs = (
        [factor * row[name] for row in side] for side in zip(*pairs, strict=True)
    )
    mean, half = difference(ours, theirs)
    text = f"{mean:+.2f} ± {half:.2f}"
    return f"**{text}**" if abs(mean) > half else text


def _line(cells):
    return "| " + " | ".join(map(str, cells)) + " |"
