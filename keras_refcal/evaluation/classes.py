"""Class by class: how often it is found, how sure the classifier is, how far off."""

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from keras_refcal.evaluation import calibration
from keras_refcal.evaluation.curves import ReliabilityCurve, reliability_curve
from keras_refcal.ops.bins import convention_edges
from keras_refcal.ops.class_groups import shot_groups, third_groups
from keras_refcal.ops.division import divide
from keras_refcal.predictions import Predictions, as_class_counts, as_predictions


@dataclasses.dataclass(frozen=True)
class ClassCalibration:
    """Figures of every class, each of shape `(num_classes,)`.

    Attributes:
        samples: Number of samples whose label is the class.
        accuracy: Share of them that are right, NaN without samples.
        confidence: Their mean confidence, NaN without samples.
        precision: Share of right answers where the class is predicted, NaN if never.
        error: Calibration error of the class's probability; its mean over classes is
            `classwise_ece`.
        train_samples: Training samples of each class, or `None` if not known.
    """

    samples: np.ndarray
    accuracy: np.ndarray
    confidence: np.ndarray
    precision: np.ndarray
    error: np.ndarray
    train_samples: np.ndarray | None = None

    @property
    def gap(self) -> np.ndarray:
        """Mean confidence minus accuracy; above 0 is overconfident."""
        return self.confidence - self.accuracy

    @property
    def by_size(self) -> np.ndarray:
        """Class ids, the largest class first, by training samples where known."""
        known = self.train_samples is not None
        size = self.train_samples if known else self.samples
        return np.argsort(-size, kind="stable")

    @property
    def worst(self) -> np.ndarray:
        """Class ids, the largest calibration error first."""
        return np.argsort(-self.error, kind="stable")


def class_calibration(
    y_true: ArrayLike,
    probabilities: ArrayLike | None = None,
    *,
    logits: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    ignore_class: int | None = None,
    class_counts: ArrayLike | None = None,
    num_bins: int = 15,
    convention: Any = "guo",
) -> ClassCalibration:
    """Returns accuracy, confidence and calibration error of every class.

    Args:
        y_true: Class ids `(n,)` or one-hot rows `(n, num_classes)`.
        probabilities: Shape `(n, num_classes)`, or `(n,)` for two classes.
        logits: In place of `probabilities`.
        sample_weight: See `evaluate`, as `ignore_class`.
        ignore_class: Label of the samples to leave out, or `None`.
        class_counts: Training samples of each class, shape `(num_classes,)`.
        num_bins: Number of bins of the error.
        convention: Which side of a bin is closed, see `ops.bins.convention_edges`.

    Raises:
        ValueError: For input that is not valid, see `evaluate`.

    >>> classes = class_calibration([1, 0, 1], [[0.1, 0.9], [0.4, 0.6], [0.3, 0.7]])
    >>> classes.accuracy.tolist(), classes.samples.tolist()
    ([0.0, 1.0], [1, 2])
    """
    predictions = as_predictions(
        y_true,
        probabilities,
        logits,
        sample_weight=sample_weight,
        ignore_class=ignore_class,
    )
    num_classes = predictions.num_classes
    if class_counts is not None:
        class_counts = as_class_counts(class_counts, num_classes)

    weights = predictions.weights
    weights = np.ones(predictions.num_samples) if weights is None else weights

    def sums(index, values=1):
        return np.bincount(index, weights * values, minlength=num_classes)

    labels, predicted = predictions.labels, predictions.predicted
    samples = sums(labels)
    counts = calibration.classwise_counts(predictions, num_bins, convention)
    return ClassCalibration(
        samples=predictions.class_totals,
        accuracy=divide(sums(labels, predictions.correct), samples, xp=np),
        confidence=divide(sums(labels, predictions.confidence), samples, xp=np),
        precision=divide(
            sums(predicted, predictions.correct),
            sums(predicted),
            xp=np,
        ),
        error=calibration.class_errors(predictions, counts, convention),
        train_samples=class_counts,
    )


def classwise_reliability_curve(
    y_true: ArrayLike,
    probabilities: ArrayLike | None = None,
    *,
    logits: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    ignore_class: int | None = None,
    num_bins: int = 15,
    convention: Any = "guo",
) -> ReliabilityCurve:
    """Returns the reliability of all class probabilities together.

    Each sample counts once for each class: how often does a class come true that got
    a probability of 0.3? Its bins hold `n * num_classes` probabilities in all.

    Args:
        y_true: Class ids `(n,)` or one-hot rows `(n, num_classes)`.
        probabilities: Shape `(n, num_classes)`, or `(n,)` for two classes.
        logits: In place of `probabilities`.
        sample_weight: See `evaluate`, as `ignore_class`.
        ignore_class: Label of the samples to leave out, or `None`.
        num_bins: Number of bins of equal width.
        convention: Which side of a bin is closed, see `ops.bins.convention_edges`.

    >>> curve = classwise_reliability_curve([1, 0], [[0.1, 0.9], [0.6, 0.4]],
    ...                                     num_bins=2)
    >>> curve.weight.tolist(), curve.accuracy.tolist()
    ([2.0, 2.0], [0.0, 1.0])
    """
    predictions = as_predictions(
        y_true,
        probabilities,
        logits,
        sample_weight=sample_weight,
        ignore_class=ignore_class,
    )
    counts = calibration.classwise_counts(predictions, num_bins, convention)
    totals = [a.sum(axis=0) for a in (counts.weight, counts.confidence, counts.correct)]
    return ReliabilityCurve.from_counts(
        convention_edges(num_bins, convention)[0], *totals
    )


def group_reliability_curves(
    y_true: ArrayLike,
    probabilities: ArrayLike | None = None,
    *,
    logits: ArrayLike | None = None,
    class_counts: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    ignore_class: int | None = None,
    **kwargs: Any,
) -> dict[str, ReliabilityCurve]:
    """Returns the reliability curve of each group that has samples.

    With `class_counts` the groups are `many`, `medium` and `few` shots and the `head`,
    `middle` and `tail` thirds of the classes; a sample belongs to the groups of its
    label. With `groups` they are its values.

    Args:
        y_true: Class ids `(n,)` or one-hot rows `(n, num_classes)`.
        probabilities: Shape `(n, num_classes)`, or `(n,)` for two classes.
        logits: In place of `probabilities`.
        class_counts: Training samples of each class, shape `(num_classes,)`.
        groups: A value for each sample, shape `(n,)`, in place of `class_counts`.
        sample_weight: See `evaluate`, as `ignore_class`.
        ignore_class: Label of the samples to leave out, or `None`.
        **kwargs: `num_bins`, `binning` and `convention` of `reliability_curve`.

    >>> curves = group_reliability_curves([1, 0], [[0.1, 0.9], [0.6, 0.4]],
    ...                                   class_counts=[500, 5])
    >>> sorted(curves)
    ['few', 'head', 'many', 'middle']
    """
    predictions = as_predictions(
        y_true,
        probabilities,
        logits,
        groups=groups,
        sample_weight=sample_weight,
        ignore_class=ignore_class,
    )
    if class_counts is None and predictions.groups is None:
        raise ValueError("Pass one of `class_counts` and `groups`.")
    if class_counts is None:
        names = np.unique(predictions.groups)
        inside = {name.item(): predictions.groups == name for name in names}
    else:
        counts = as_class_counts(class_counts, predictions.num_classes)
        members = shot_groups(counts) | third_groups(counts)
        inside = {
            name: classes[predictions.labels] for name, classes in members.items()
        }
    return {
        name: reliability_curve(predictions.take(rows), **kwargs)
        for name, rows in inside.items()
        if rows.any()
    }


def confident_mistakes(predictions: Predictions, limit=24) -> np.ndarray:
    """Returns the rows of the wrong answers, the most confident first.

    Args:
        predictions: What `inputs.as_predictions` returned.
        limit: At most this many rows.
    """
    wrong = np.flatnonzero(~predictions.correct)
    order = np.argsort(-predictions.ranking_confidence[wrong], kind="stable")
    return wrong[order[:limit]]
