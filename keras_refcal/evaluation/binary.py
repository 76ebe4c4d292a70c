"""Two classes as people think of them: scores of the positive class."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from keras_refcal.evaluation import calibration, selective
from keras_refcal.evaluation.conventions import as_convention
from keras_refcal.evaluation.ranking import binary_auroc
from keras_refcal.fitting.logistic import fit_logistic
from keras_refcal.ops import calibration_error as errors
from keras_refcal.ops.bins import uniform_edges
from keras_refcal.predictions import as_predictions

# Probabilities of 0 and 1 have no log-odds; they are read as these.
LEAST = 1e-15


def binary_scores(
    y_true: ArrayLike,
    probabilities: ArrayLike | None = None,
    *,
    logits: ArrayLike | None = None,
    pos_label: int = 1,
    sample_weight: ArrayLike | None = None,
    ignore_class: int | None = None,
    num_bins: int = 15,
    convention: Any = "guo",
) -> dict[str, float]:
    """Returns the figures of the positive class of two.

    `evaluate` speaks of the predicted class; these speak of the probability p of the
    positive one, y being 1 where a sample is positive:

    - `rate`: share of positive samples; `mean_score`: mean of p; and
      `calibration_in_the_large`: their difference, mean p - rate.
    - `calibration_slope` and `calibration_intercept` of the logistic regression of y on
      the log-odds of p: 1 and 0 where calibrated, a slope below 1 where too extreme.
      NaN where p tells the classes apart without error.
    - `auroc`, and `auprc`, the area under precision against recall (average precision).
    - `ece`, `mce`, `rmsce`, `rmsce_debiased`: of p against the frequency of positive
      samples, over bins of equal width.
    - `brier`, the mean of (p - y)², half of that of `evaluate`, and `log_loss` in nats.

    Args:
        y_true: Labels, shape `(n,)`: `pos_label`, or one other value.
        probabilities: p, shape `(n,)` or `(n, 1)`, or two columns, the second of which
            is p. Also `(b, ..., 1)`.
        logits: In place of `probabilities`.
        pos_label: The label of the positive class, as p speaks of it.
        sample_weight: See `evaluate`, as the next.
        ignore_class: Label of the samples to leave out, or `None`.
        num_bins: Number of bins.
        convention: See `evaluate`.

    Raises:
        ValueError: For input that is not valid, or more than two labels.

    >>> scores = binary_scores(["yes", "no", "no"], [0.8, 0.4, 0.3], pos_label="yes")
    >>> round(scores["rate"], 4), round(scores["mean_score"], 4), scores["auprc"]
    (0.3333, 0.5, 1.0)
    """
    uniform_edges(num_bins)
    predictions = as_predictions(
        y_true,
        probabilities,
        logits,
        sample_weight=sample_weight,
        ignore_class=ignore_class,
        classes=_classes(y_true, pos_label, ignore_class),
    )
    if predictions.num_classes != 2:
        raise ValueError(
            "`probabilities` must be of two classes, one column or two. Received "
            f"{predictions.num_classes} columns."
        )
    p = predictions.probabilities[:, 1].astype("float64")
    log_odds = _log_odds(predictions, p)
    positive, weights = predictions.labels == 1, predictions.weights
    rate, mean = (np.average(x, weights=weights) for x in (positive, p))
    closed, rows = as_convention(convention).bins, None
    bins = calibration.top_label_counts(p, positive, num_bins, closed, weights)
    if weights is not None:
        rows = calibration.effective_rows(p, weights, num_bins, closed)
    auroc = binary_auroc(positive, log_odds, weights)
    slope, intercept = _recalibration(log_odds, positive, weights, auroc)
    squares = np.average((p - positive) ** 2, weights=weights)
    log_loss = -np.average(predictions.log_label_probability, weights=weights)
    return {
        "rate": float(rate),
        "mean_score": float(mean),
        "calibration_in_the_large": float(mean - rate),
        "calibration_slope": slope,
        "calibration_intercept": intercept,
        "auroc": auroc,
        "auprc": selective.precision_recall_area(positive, log_odds, weights=weights),
        "ece": float(errors.expected_error(bins, xp=np)),
        "mce": float(errors.maximum_error(bins, xp=np)),
        "rmsce": float(errors.root_mean_squared_error(bins, xp=np)),
        "rmsce_debiased": float(errors.debiased_error(bins, rows, xp=np)),
        "brier": float(squares),
        "log_loss": float(log_loss + 0.0),
    }


def _classes(y_true, pos_label, ignore_class):
    """Returns the two labels, the positive one second; `None` for 0 and 1."""
    if not isinstance(pos_label, str) and pos_label == 1:
        return None
    found = [label for label in np.unique(y_true).tolist() if label != ignore_class]
    others = [label for label in found if label != pos_label]
    if len(others) > 1:
        raise ValueError(
            f"`y_true` must hold `pos_label`, {pos_label!r}, and one other label. "
            f"Received: {found[:10]}"
        )
    if not others:  # any name will do for a class that no sample has
        others = ["not " + pos_label if isinstance(pos_label, str) else pos_label - 1]
    return [others[0], pos_label]


def _log_odds(predictions, p):
    if predictions.logits is not None:
        logits = predictions.logits.astype("float64")
        return logits[:, 1] - logits[:, 0]
    clipped = np.clip(p, LEAST, 1 - LEAST)
    return np.log(clipped) - np.log1p(-clipped)


def _recalibration(log_odds, positive, weights, auroc):
    """Returns slope and intercept, NaN where no finite ones are best."""
    if not 0 < auroc < 1:
        return float("nan"), float("nan")
    weights = np.ones(len(positive)) if weights is None else weights
    features = np.stack([log_odds, np.ones_like(log_odds)], axis=1)
    found = fit_logistic(features, positive.astype("float64"), weights / weights.sum())
    return float(found[0]), float(found[1])
