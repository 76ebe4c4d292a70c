"""The figures of several seeds: mean and spread, as data and as a table."""

import numpy as np

COLUMNS = {
    "accuracy": ("accuracy %", 100),
    "refinement": ("refinement", 100),
    "ece": ("ECE", 1),
    "aurc": ("AURC", 1),
}


def summarise(scores):
    """Returns the mean and the sample standard deviation of each figure over seeds.

    Args:
        scores: One mapping of figures a seed, as `evaluation.evaluate` returns.

    >>> summarise([{"ece": 0.25}, {"ece": 0.75}])["ece"]
    {'mean': 0.5, 'spread': 0.3535533905932738, 'seeds': [0.25, 0.75]}
    """
    return {name: _spread([row[name] for row in scores]) for name in scores[0]}


def _spread(values):
    spread = float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")
    return {"mean": float(np.mean(values)), "spread": spread, "seeds": values}


def table(methods):
    """Returns the table of methods as text.

    Args:
        methods: Name of a method to what `summarise` returned.

    >>> figure = {"mean": 0.5, "spread": float("nan")}
    >>> print(table({"refcal": dict.fromkeys(COLUMNS, figure)}))
    method    accuracy %    refinement    ECE       AURC
    refcal    50.00         50.00         0.5000    0.5000
    """
    rows = [["method", *(title for title, _ in COLUMNS.values())]]
    for name, summary in methods.items():
        rows.append([name, *(_cell(summary[key], key) for key in COLUMNS)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "    ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)


def _cell(figure, key):
    factor = COLUMNS[key][1]
    digits = 2 if factor == 100 else 4
    mean, spread = factor * figure["mean"], factor * figure["spread"]
    text = f"{mean:.{digits}f}"
    return text if np.isnan(spread) else f"{text} ± {spread:.{digits}f}"
