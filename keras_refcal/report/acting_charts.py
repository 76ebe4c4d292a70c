"""Diagrams of what can be done with confidence: abstain, and name sets of classes."""

import numpy as np

from keras_refcal.evaluation.acting import (
    named_groups,
    selective_result,
    sets_results,
)
from keras_refcal.report.tables import (
    Chart,
    Column,
    Table,
    View,
    plain,
    shown,
)

MOST_BARS = 12
HOLDS = "sets that hold the class"


def selective_mark(saved, validation, target_risk, level) -> dict:
    """Returns the chosen threshold as the diagram of risk and coverage marks it."""
    found = selective_result(
        validation.predictions, saved.predictions, target_risk, failure=1 - level
    )
    return {
        "target": target_risk,
        "threshold": plain([np.nan if found.threshold is None else found.threshold])[0],
        "coverage": plain([found.coverage])[0],
        "risk": plain([found.risk])[0],
        "text": _told(found, target_risk, level),
    }


def _told(found, target_risk, level):
    wanted = shown(target_risk, "share")
    if found.threshold is None:
        return (
            f"No threshold can be shown on the validation set to keep {wanted} of the "
            "answers wrong or fewer."
        )
    return (
        f"Answers of confidence {found.threshold:.7g} or more keep {wanted} wrong or "
        f"fewer with a probability of {shown(level, 'share')} over validation sets. On "
        "the test set "
        f"{shown(found.coverage, 'share')} are answered, {shown(found.risk, 'share')} "
        "of them wrong."
    )


def sets_chart(saved, validation, coverage) -> Chart:
    """Coverage and size of conformal sets, over all classes and by their size."""
    test = saved.predictions
    found = sets_results(validation.predictions, test, coverage, saved.class_counts)
    groups = named_groups(test.labels, saved.class_counts)
    empty = ", ".join(
        f"{one.name} {shown(np.mean(one.empty), 'share')}" for one in found
    )

    def view(label, title, unit, of_samples, target=None):
        means = {
            one.name: [np.mean(of_samples(one)[rows]) for rows in groups.values()]
            for one in found
        }
        return _by_group(label, title, unit, means, list(groups), target)

    return Chart(
        "sets",
        "Prediction sets",
        f"Sets of classes that should hold the true one for {shown(coverage, 'share')} "
        "of the samples; thresholds from the validation set. Small sets that cover "
        f"every group are good. Empty sets, which name no class: {empty}.",
        (
            view("Coverage", HOLDS, "share", lambda one: one.covered, coverage),
            _gaps(found, groups, coverage),
            view("Mean size", "classes in a set", "number", lambda one: one.sizes),
            view("Empty", "sets without a class", "share", lambda one: one.empty),
            _sizes(found, test.num_classes),
        ),
    )


def _gaps(found, groups, coverage):
    """Mean over classes of how far their coverage is from what was asked for."""
    gaps = {
        one.name: [one.coverage_gap(coverage, rows) for rows in groups.values()]
        for one in found
    }
    title = "mean gap of coverage over classes"
    return _by_group("Gap", title, "share", gaps, list(groups), None)


def _by_group(label, title, unit, means, groups, target):
    said = ", ".join(f"{name} {shown(row[0], unit)}" for name, row in means.items())
    return View(
        label,
        "by_group",
        {
            "groups": groups,
            "series": [{"name": name, "x": plain(row)} for name, row in means.items()],
            "target": target,
            "unit": unit,
            "title": title,
        },
        f"Over all test samples, {title}: {said}.",
        Table(
            f"Prediction sets: {title}",
            (Column("Sets"), *(Column(name, unit) for name in groups)),
            [[name, *row] for name, row in means.items()],
        ),
    )


def _sizes(found, num_classes):
    most = min(MOST_BARS, num_classes)
    names = [str(size) for size in range(most)]
    names.append(f"{most} or more" if most < num_classes else str(most))
    shares = {
        one.name: np.bincount(np.minimum(one.sizes, most), minlength=most + 1)
        / len(one.sizes)
        for one in found
    }
    rows = [
        [names[size], *(s[size] for s in shares.values())] for size in range(most + 1)
    ]
    return View(
        "Sizes",
        "sizes",
        {
            "names": names,
            "series": [{"name": n, "y": plain(s)} for n, s in shares.items()],
        },
        "Share of test samples by the number of classes in their set.",
        Table(
            "Share of the test samples by classes in the set",
            (Column("Classes"), *(Column(name, "share") for name in shares)),
            rows,
        ),
    )
