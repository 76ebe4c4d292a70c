"""Curves as arrays: what the plots and the report draw."""

import dataclasses
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from keras_refcal.evaluation.calibration import BinCounts
from keras_refcal.ops.bins import bin_index, convention_edges, netcal_mass_edges
from keras_refcal.ops.division import divide
from keras_refcal.predictions import as_predictions


@dataclasses.dataclass(frozen=True)
class ReliabilityCurve:
    """Mean confidence against accuracy, bin by bin.

    `from_counts` makes one from the additive counters of a streaming metric.

    Attributes:
        edges: Ascending bin edges, shape `(num_bins + 1,)`.
        weight: Number of samples (or their weight) in each bin, `(num_bins,)`.
        confidence: Mean confidence in each bin, NaN where it is empty.
        accuracy: Share of right answers in each bin, NaN where it is empty; for one
            class, the share of samples of that class.
        rows: How many equally weighted samples tell as much of a bin's accuracy as
            its weighted ones: (Σw)² / Σw² (Kish), NaN where it is empty.
    """

    edges: np.ndarray
    weight: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray
    rows: np.ndarray

    @classmethod
    def from_counts(
        cls,
        edges: Any,
        weight: ArrayLike,
        confidence_sum: Any,
        correct_sum: Any,
        squared_weight: Any = None,
    ) -> Any:
        """Makes the curve from additive counters, each of shape `(num_bins,)`.

        Args:
            edges: Ascending bin edges, shape `(num_bins + 1,)`.
            weight: Sum of the weights, or number of samples, in each bin.
            confidence_sum: Sum of the confidences in each bin.
            correct_sum: Sum of the right answers in each bin.
            squared_weight: Sum of the squared weights in each bin; `None` if every
                weight is 1.
        """
        weight = np.asarray(weight, "float64")
        squares = weight if squared_weight is None else squared_weight
        return cls(
            np.asarray(edges, "float64"),
            weight,
            divide(np.asarray(confidence_sum, "float64"), weight, xp=np),
            divide(np.asarray(correct_sum, "float64"), weight, xp=np),
            divide(weight**2, np.asarray(squares, "float64"), xp=np),
        )

    @property
    def gap(self) -> np.ndarray:
        """Mean confidence minus accuracy; above 0 is overconfident."""
        return self.confidence - self.accuracy

    @property
    def expected_calibration_error(self) -> float:
        """Mean over samples of their bin's absolute gap; NaN without samples."""
        gaps = np.nansum(self.weight * np.abs(self.gap))
        return float(divide(gaps, self.weight.sum(), xp=np))

    def accuracy_interval(self, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
        """Returns the Wilson interval of each bin's accuracy, `(low, high)`.

        Of weighted samples it is that of the effective number of `rows`.

        Args:
            level: Confidence level of the interval, in (0, 1).
        """
        if not 0 < level < 1:
            raise ValueError(f"`level` must lie in (0, 1). Received: {level!r}")
        z = NormalDist().inv_cdf(0.5 + level / 2)
        total = self.rows + z**2
        centre = (self.accuracy * self.rows + z**2 / 2) / total
        spread = self.rows * self.accuracy * (1 - self.accuracy) + z**2 / 4
        half = z / total * np.sqrt(spread)
        return np.clip(centre - half, 0, 1), np.clip(centre + half, 0, 1)


@dataclasses.dataclass(frozen=True)
class ConfidenceHistogram:
    """Number of right and wrong answers by confidence.

    Attributes:
        edges: Ascending bin edges, shape `(num_bins + 1,)`.
        right: Number of right answers in each bin, shape `(num_bins,)`.
        wrong: Number of wrong answers in each bin, shape `(num_bins,)`.
    """

    edges: np.ndarray
    right: np.ndarray
    wrong: np.ndarray


@dataclasses.dataclass(frozen=True)
class RiskCoverageCurve:
    """Error rate among the most confident samples, one point a distinct confidence.

    Attributes:
        coverage: Share of the samples that is answered, ascending to 1.
        risk: Error rate of the answered samples.
        threshold: Smallest confidence that is answered. Of logits, whose order goes on
            where confidences are rounded to 1, several points may share it.
    """

    coverage: np.ndarray
    risk: np.ndarray
    threshold: np.ndarray


def reliability_curve(
    y_true: ArrayLike,
    probabilities: ArrayLike | None = None,
    *,
    logits: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    ignore_class: int | None = None,
    num_bins: int = 15,
    binning: str = "uniform",
    convention: Any = "guo",
    class_id: int | None = None,
) -> ReliabilityCurve:
    """Returns the reliability curve of the predicted class, or of one class.

    Args:
        y_true: Class ids `(n,)` or one-hot rows `(n, num_classes)`.
        probabilities: Shape `(n, num_classes)`, or `(n,)` for two classes.
        logits: In place of `probabilities`.
        sample_weight: See `evaluate`, as `ignore_class`.
        ignore_class: Label of the samples to leave out, or `None`.
        num_bins: Number of bins.
        binning: `"uniform"` for equal width, `"quantile"` for equal mass.
        convention: Which side of a uniform bin is closed, see
            `ops.bins.convention_edges`.
        class_id: A class whose probability is set against its frequency; `None` for
            the predicted class and its accuracy.

    Raises:
        ValueError: For input that is not valid, see `evaluate`.

    >>> curve = reliability_curve([1, 0, 1], [[0.1, 0.9], [0.4, 0.6], [0.3, 0.7]],
    ...                           num_bins=2)
    >>> curve.weight.tolist(), round(float(curve.gap[1]), 4)
    ([0.0, 3.0], 0.0667)
    """
    predictions = as_predictions(
        y_true,
        probabilities,
        logits,
        sample_weight=sample_weight,
        ignore_class=ignore_class,
    )
    confidence, correct = _events(predictions, class_id)
    if binning == "quantile":
        edges, closed = netcal_mass_edges(confidence, num_bins), "right"
    elif binning == "uniform":
        edges, closed = convention_edges(num_bins, convention)
    else:
        raise ValueError(
            f"`binning` must be 'uniform' or 'quantile'. Received: {binning!r}"
        )
    index = bin_index(confidence, edges, closed, xp=np)
    counts = BinCounts.of(
        index, len(edges) - 1, confidence, correct, predictions.weights
    )
    weights = predictions.weights
    squares = (
        None if weights is None else np.bincount(index, weights**2, len(edges) - 1)
    )
    return ReliabilityCurve.from_counts(
        edges, counts.weight, counts.confidence, counts.correct, squares
    )


def confidence_histogram(
    y_true: ArrayLike,
    probabilities: ArrayLike | None = None,
    *,
    logits: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    ignore_class: int | None = None,
    num_bins: int = 15,
) -> ConfidenceHistogram:
    """Returns the number, or the weight, of right and of wrong answers by confidence.

    Args:
        y_true: Class ids `(n,)` or one-hot rows `(n, num_classes)`.
        probabilities: Shape `(n, num_classes)`, or `(n,)` for two classes.
        logits: In place of `probabilities`.
        sample_weight: See `evaluate`, as `ignore_class`.
        ignore_class: Label of the samples to leave out, or `None`.
        num_bins: Number of bins of equal width, right-closed.

    Raises:
        ValueError: For input that is not valid, see `evaluate`.

    >>> histogram = confidence_histogram([1, 1], [[0.1, 0.9], [0.6, 0.4]], num_bins=2)
    >>> histogram.right.tolist(), histogram.wrong.tolist()
    ([0, 1], [0, 1])
    """
    predictions = as_predictions(
        y_true,
        probabilities,
        logits,
        sample_weight=sample_weight,
        ignore_class=ignore_class,
    )
    edges, closed = convention_edges(num_bins)
    index = bin_index(predictions.confidence, edges, closed, xp=np)

    def total(rows):
        weights = None if predictions.weights is None else predictions.weights[rows]
        return np.bincount(index[rows], weights, minlength=num_bins)

    right = predictions.correct
    return ConfidenceHistogram(edges.astype("float64"), total(right), total(~right))


def risk_coverage_curve(
    y_true: ArrayLike,
    probabilities: ArrayLike | None = None,
    *,
    logits: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    ignore_class: int | None = None,
) -> RiskCoverageCurve:
    """Returns the error rate of the samples above each distinct confidence.

    Args:
        y_true: Class ids `(n,)` or one-hot rows `(n, num_classes)`.
        probabilities: Shape `(n, num_classes)`, or `(n,)` for two classes.
        logits: In place of `probabilities`.
        sample_weight: See `evaluate`, as `ignore_class`.
        ignore_class: Label of the samples to leave out, or `None`.

    Raises:
        ValueError: For input that is not valid, see `evaluate`.

    >>> curve = risk_coverage_curve([1, 1], [[0.1, 0.9], [0.6, 0.4]])
    >>> curve.coverage.tolist(), curve.risk.tolist()
    ([0.5, 1.0], [0.0, 0.5])
    """
    predictions = as_predictions(
        y_true,
        probabilities,
        logits,
        sample_weight=sample_weight,
        ignore_class=ignore_class,
    )
    order = np.argsort(-predictions.ranking_confidence, kind="stable")
    ordered = predictions.ranking_confidence[order]
    weights = predictions.weights
    weights = np.ones(len(order)) if weights is None else weights[order]
    answered = np.cumsum(weights)
    errors = np.cumsum(weights * ~predictions.correct[order])
    last = np.append(np.flatnonzero(ordered[1:] != ordered[:-1]), len(ordered) - 1)
    return RiskCoverageCurve(
        coverage=answered[last] / answered[-1],
        risk=errors[last] / answered[last],
        threshold=predictions.confidence[order[last]].astype("float64"),
    )


def _events(predictions, class_id):
    if class_id is None:
        return predictions.confidence, predictions.correct
    whole = isinstance(class_id, int | np.integer)
    if not whole or not 0 <= class_id < predictions.num_classes:
        raise ValueError(
            f"`class_id` must lie in 0..{predictions.num_classes - 1}. "
            f"Received: {class_id!r}"
        )
    return predictions.probabilities[:, class_id], predictions.labels == class_id
