"""Every figure of saved predictions, with intervals where they are cheap."""

import numpy as np

from keras_refcal.evaluation.exact import evaluate
from keras_refcal.report.meanings import MEANINGS
from keras_refcal.report.tables import NO_BREAK, shown

MOST_CELLS = 2**25


def judge(saved, settings) -> dict[str, float]:
    """Returns every figure, and `*_low` and `*_high` of those that are cheap."""
    cells = saved.predictions.num_classes * settings.num_bins
    if cells > MOST_CELLS:
        raise ValueError(
            f"`num_bins` times the number of classes must be up to {MOST_CELLS:,}. "
            f"Received: {cells:,}"
        )
    options = {
        "class_counts": saved.class_counts,
        "num_bins": settings.num_bins,
        "convention": settings.convention,
    }
    figures = evaluate(saved.predictions, **options)
    resampled = settings.resampled(saved.predictions.num_samples)
    if resampled:
        figures |= evaluate(
            saved.predictions,
            **options,
            figures=resampled,
            bootstrap=settings.bootstrap,
            confidence_level=settings.confidence_level,
            seed=settings.seed,
        )
    return figures


def interval(name, figures) -> str:
    """Returns the bootstrap interval of a figure, empty if there is none."""
    low, high = (figures.get(f"{name}_{end}") for end in ("low", "high"))
    if low is None or np.isnan(low):
        return ""
    kind = MEANINGS[name].kind
    return f"{shown(low, kind)} to {shown(high, kind)}".replace(
        f"{NO_BREAK}% to", " to"
    )


def figure_text(figures) -> str:
    """Returns figures as a table of text, one a line.

    Args:
        figures: What `judge` returned.

    >>> print(figure_text({"ece": 0.1, "ece_low": 0.05, "ece_high": 0.2}))
    ece    0.1000    0.0500 to 0.2000
    """
    bounds = {f"{name}_{end}" for name in figures for end in ("low", "high")}
    names = [name for name in figures if name not in bounds]
    width = max(map(len, names))
    lines = []
    for name in names:
        line = f"{name:<{width}}    {figures[name]:.4f}"
        if f"{name}_low" in figures:
            low, high = figures[f"{name}_low"], figures[f"{name}_high"]
            line += f"    {low:.4f} to {high:.4f}"
        lines.append(line)
    return "\n".join(lines)
