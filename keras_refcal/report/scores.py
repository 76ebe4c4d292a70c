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
    scores = evaluate(saved.predictions, **options)
    resampled = settings.resampled(saved.predictions.num_samples)
    if resampled:
        scores |= evaluate(
            saved.predictions,
            **options,
            scores=resampled,
            bootstrap=settings.bootstrap,
            confidence_level=settings.confidence_level,
            seed=settings.seed,
        )
    return scores


def interval(name, scores) -> str:
    """Returns the bootstrap interval of a figure, empty if there is none."""
    low, high = (scores.get(f"{name}_{end}") for end in ("low", "high"))
    if low is None or np.isnan(low):
        return ""
    kind = MEANINGS[name].kind
    return f"{shown(low, kind)} to {shown(high, kind)}".replace(
        f"{NO_BREAK}% to", " to"
    )


def score_text(scores) -> str:
    """Returns figures as a table of text, one a line.

    Args:
        scores: What `judge` returned.

    >>> print(score_text({"ece": 0.1, "ece_low": 0.05, "ece_high": 0.2}))
    ece    0.1000    0.0500 to 0.2000
    """
    bounds = {f"{name}_{end}" for name in scores for end in ("low", "high")}
    names = [name for name in scores if name not in bounds]
    width = max(map(len, names))
    lines = []
    for name in names:
        line = f"{name:<{width}}    {scores[name]:.4f}"
        if f"{name}_low" in scores:
            low, high = scores[f"{name}_low"], scores[f"{name}_high"]
            line += f"    {low:.4f} to {high:.4f}"
        lines.append(line)
    return "\n".join(lines)
