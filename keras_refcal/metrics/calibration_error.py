"""The binned calibration errors: one computation under several names."""

from typing import Any

from keras import ops

from keras_refcal.backend import double_precision
from keras_refcal.metrics.base import ClassifierMetric
from keras_refcal.metrics.counters import (
    ClassBins,
    FineClassBins,
    FineConfidence,
    SquaredWeight,
    TopLabelBins,
)
from keras_refcal.ops import calibration_error
from keras_refcal.ops.bins import (
    convention_edges,
    equal_mass_counts,
    equal_mass_distance,
    fine_mass_edges,
)
from keras_refcal.types import Tensor
from keras_refcal.validation import check_choice, check_in_range

# Fine bins from which bins of equal mass are cut, for the predicted class and for
# each class.
TOP_LABEL_RESOLUTION, CLASS_RESOLUTION = 4096, 512

# The root of what rounding makes of a difference of squares that is 0.
DEBIASED_ROUNDING = 1e-6


class BinnedCalibrationError(ClassifierMetric):
    """A norm of the gaps between probability and frequency over bins.

    Args:
        num_bins: Number of bins.
        binning: `"uniform"` for bins of equal width, `"quantile"` of equal mass.
        norm: `"l1"`, `"l2"` or `"max"`.
        kind: `"top_label"`, the predicted class's probability against accuracy, or
            `"classwise"`, each class's probability against its frequency.
        debias: Whether to take the sampling variance off the squared gaps; of
            weighted samples that of their effective number, (Σw)² / Σw².
        convention: Side on which uniform bins are closed.
        threshold: Class probabilities below it count neither as probability nor as
            event; with quantile bins of every class only.
        **kwargs: See `ClassifierMetric`.
    """

    def __init__(
        self,
        num_bins: int = 15,
        binning: str = "uniform",
        norm: str = "l1",
        kind: str = "top_label",
        debias: bool = False,
        convention: Any = "guo",
        threshold: float = 0.0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        check_choice("binning", binning, ("uniform", "quantile"))
        check_choice("norm", norm, calibration_error.NORMS)
        check_choice("kind", kind, ("top_label", "classwise"))
        if debias and norm != "l2":
            raise ValueError(f"`debias=True` needs `norm='l2'`. Received: {norm!r}")
        check_in_range("threshold", threshold, 0, 1)
        convention_edges(num_bins, convention)
        self.num_bins = num_bins
        self.binning = binning
        self.norm = norm
        self.kind = kind
        self.debias = debias
        self.convention = convention
        self.threshold = threshold
        bins = self._counters()
        # Of these each bin has its own squares; of others all rows have them together.
        squares = {} if isinstance(bins, TopLabelBins) else {"squares": SquaredWeight()}
        self.count(bins=bins, **squares)

    def _counters(self):
        if self.binning == "quantile":
            if self.kind == "top_label":
                return FineConfidence(TOP_LABEL_RESOLUTION)
            return FineClassBins(CLASS_RESOLUTION, self.threshold)
        if self.kind == "top_label":
            return TopLabelBins(self.num_bins, self.convention)
        return ClassBins(self.num_bins, self.convention)

    def score(self, bins: Tensor, squares: Tensor | None = None) -> Any:
        """Returns the error."""
        rows = self._rows(bins, squares) if self.debias else None
        counts = self._bins(bins)
        return calibration_error.error(counts, self.norm, self.debias, rows)

    def class_errors(self) -> Any:
        """Returns the error of each class, a NumPy array of shape `(num_classes,)`.

        Raises:
            ValueError: If the metric's kind is not `"classwise"`.
        """
        if self.kind != "classwise":
            raise ValueError(
                f"`class_errors` needs `kind='classwise'`. Received: {self.kind!r}"
            )
        with double_precision():
            counters = self.counters()
            counts = self._bins(counters["bins"])
            if self.debias:
                rows = self._rows(counters["bins"], counters["squares"])
                errors = calibration_error.debiased_error(counts, rows)
            else:
                errors = calibration_error.NORMS[self.norm](counts)
            return ops.convert_to_numpy(errors)

    def bound(self, bins: Tensor, squares: Tensor | None = None) -> Any:
        """Returns how far cutting the fine bins otherwise can move the figure.

        0 for bins of equal width, but for the root of a difference, which rounding
        moves by more. For bins of equal mass it covers every way to cut the fine bins
        that hold a boundary, or lie within `num_bins` samples below one, and leaving
        out the smallest probabilities, as published code does. It holds for
        `norm="l1"`; other norms of bins of equal mass have none, NaN.
        """
        if self.binning == "uniform":
            return DEBIASED_ROUNDING if self.debias else 0.0
        if self.norm != "l1":
            return float("nan")
        slack = 1 if self.kind == "top_label" else self.num_bins
        distance = equal_mass_distance(bins, self.num_bins, slack)
        return ops.mean(ops.where(distance > 1, 1.0, distance))

    def reliability_curve(self, class_id: int | None = None) -> Any:
        """Returns the bins counted so far as an `evaluation.ReliabilityCurve`.

        Its intervals are those of the effective number of rows, (Σw)² / Σw²: of each
        bin, but with bins of equal mass and of classes by the ratio of all rows.

        Args:
            class_id: Which class's bins to return. Only with `kind="classwise"`,
                where `None` adds those of all classes.

        Raises:
            ValueError: If `class_id` does not fit.
        """
        from keras_refcal.evaluation.curves import ReliabilityCurve

        with double_precision():
            counters = self.counters()
            counts = self._all_events(counters["bins"])
        squares = counts[3] if "squares" not in counters else None
        counts = counts[:3]
        if self.kind == "classwise":
            check_choice("class_id", class_id, (None, *range(self.num_classes)))
            counts = counts.sum(1) if class_id is None else counts[:, class_id]
        elif class_id is not None:
            raise ValueError(
                f"`class_id` needs `kind='classwise'`. Received: {class_id!r}"
            )
        edges = convention_edges(self.num_bins, self.convention)[0]
        if self.binning == "quantile":
            edges = fine_mass_edges(counts[0], self.num_bins)
            with double_precision():
                counts = equal_mass_counts(ops.convert_to_tensor(counts), self.num_bins)
                counts = ops.convert_to_numpy(counts)
        if squares is None:
            squares = counts[0] * self._mean_weight(counters)
        return ReliabilityCurve.from_counts(edges, *counts, squares)

    def _mean_weight(self, counters):
        """Returns Σw² / Σw over all rows."""
        bins, squares = (
            ops.convert_to_numpy(counters[name]) for name in ("bins", "squares")
        )
        classes = self.num_classes if self.kind == "classwise" else 1
        return float(squares[0] * classes / max(bins[0].sum(), 1e-300))

    def _bins(self, bins):
        if self.binning == "quantile":
            return equal_mass_counts(bins, self.num_bins)
        if self.kind == "top_label":
            return bins[:3]
        if self.convention == "guo":
            return bins[..., :-1]
        return calibration_error.with_impossible_events(bins)

    def _rows(self, bins, squares):
        """Returns the effective number of rows of each bin."""
        squares = bins[3] if squares is None else squares
        return calibration_error.effective_rows(self._bins(bins)[0], squares)

    def _all_events(self, bins):
        if self.kind == "classwise" and self.binning == "uniform":
            bins = calibration_error.with_impossible_events(bins)
        return ops.convert_to_numpy(bins)
