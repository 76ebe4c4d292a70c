"""Names that tell runs and their classifiers apart; what they are, paths say."""

import collections
import dataclasses
import pathlib

from keras_refcal.report.runs import Entry, Run


def distinct_runs(runs) -> list[Run]:
    """Returns runs, no two of one name: those that share one get more of their path.

    Args:
        runs: One `Run` or several.
    """
    runs = [runs] if isinstance(runs, Run) else list(runs)
    if not runs:
        raise ValueError("`runs` must hold one run or more. Received none.")
    names = [run.name for run in runs]
    parts = [
        pathlib.Path(run.path).absolute().parts if run.path else () for run in runs
    ]
    for length in range(2, max(map(len, parts)) + 1):
        uses = collections.Counter(names)
        names = [
            "/".join(path[-length:]) if uses[name] > 1 and path else name
            for name, path in zip(names, parts, strict=True)
        ]
    return [
        dataclasses.replace(run, name=name)
        for run, name in zip(runs, numbered(names), strict=True)
    ]


def distinct_entries(runs) -> list[Entry]:
    """Returns all classifiers, no two of one label, which holds the run's name.

    Args:
        runs: What `distinct_runs` returned.
    """
    pairs = [(run, entry) for run in runs for entry in run.entries]
    labels = numbered(
        [_label(run, entry, alone=len(runs) == 1) for run, entry in pairs]
    )
    return [
        dataclasses.replace(entry, label=label)
        for (_, entry), label in zip(pairs, labels, strict=True)
    ]


def _label(run, entry, alone):
    if alone:
        return entry.label
    return run.name if len(run.entries) == 1 else f"{run.name} · {entry.label}"


def numbered(names) -> list[str]:
    """Returns names, those that came before with a number that none has yet.

    >>> numbered(["a", "a", "a (2)"])
    ['a', 'a (3)', 'a (2)']
    """
    taken = []
    for name in names:
        unique, number = name, 1
        while unique in taken or (number > 1 and unique in names):
            number += 1
            unique = f"{name} ({number})"
        taken.append(unique)
    return taken
