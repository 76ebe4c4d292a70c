"""Sums over the bins of one reliability diagram, and the errors that follow."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class BinCounts:
    """Additive counters of bins; the bins run along the last axis.

    Attributes:
        weight: Number of samples, or their weight, in each bin.
        confidence: Sum of the confidences in each bin.
        correct: Sum of the right answers in each bin.
    """

    weight: np.ndarray
    confidence: np.ndarray
    correct: np.ndarray

    @classmethod
    def of(cls, index, num_bins, confidence, correct, weight=None) -> "BinCounts":
        """Counts samples by bin index in float64; all arguments of shape `(n,)`."""

        def total(values):
            values = values if weight is None else values * weight
            return np.bincount(index, values, minlength=num_bins)

        ones = np.ones(len(index))
        return cls(
            total(ones),
            total(np.asarray(confidence, "float64")),
            total(np.asarray(correct, "float64")),
        )

    @property
    def gap(self) -> np.ndarray:
        """Mean confidence minus accuracy; NaN in empty bins."""
        return divide(self.confidence - self.correct, self.weight)

    @property
    def share(self) -> np.ndarray:
        """Share of all weight that each bin holds."""
        return divide(self.weight, self.weight.sum(axis=-1, keepdims=True))


def divide(numerator, denominator):
    """Returns the ratio, NaN where the denominator is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(
            np.asarray(denominator) == 0, np.nan, np.divide(numerator, denominator)
        )


def expected_error(counts: BinCounts) -> float:
    """ECE: mean over samples of |mean confidence - accuracy| of their bin."""
    gap = np.abs(counts.confidence - counts.correct).sum(axis=-1)
    return divide(gap, counts.weight.sum(axis=-1))


def maximum_error(counts: BinCounts) -> float:
    """MCE: the largest |mean confidence - accuracy| of a non-empty bin."""
    return _over_bins(np.nanmax, np.abs(counts.gap))


def root_mean_squared_error(counts: BinCounts) -> float:
    """RMSCE: root of the mean over samples of their bin's squared gap."""
    return np.sqrt(weighted_sum(counts.share, counts.gap**2))


def average_error(counts: BinCounts) -> float:
    """Mean over non-empty bins of |mean confidence - accuracy|."""
    return _over_bins(np.nanmean, np.abs(counts.gap))


def overconfidence_error(counts: BinCounts) -> float:
    """Mean over samples of their bin's confidence times its positive gap."""
    confidence = divide(counts.confidence, counts.weight)
    return weighted_sum(counts.share, confidence * np.maximum(counts.gap, 0))


def debiased_error(counts: BinCounts) -> float:
    """Debiased l2 calibration error (Kumar et al. 2019, section 5).

    From each bin's squared gap the variance of its accuracy, `a (1 - a) / (m - 1)`,
    is taken off; bins of fewer than two samples add 0, and so does a negative sum.
    NaN if no bin has two samples.
    Paper: https://arxiv.org/abs/1909.10155
    """
    accuracy = divide(counts.correct, counts.weight)
    variance = divide(accuracy * (1 - accuracy), np.maximum(counts.weight - 1, 0))
    squared = np.where(counts.weight < 2, 0.0, counts.gap**2 - variance)
    error = np.sqrt(np.maximum(weighted_sum(counts.share, squared), 0.0))
    return np.where((counts.weight >= 2).any(axis=-1), error, np.nan)[()]


def weighted_sum(share, values):
    """Sums over the bins that hold something; NaN if none does."""
    total = np.nansum(share * values, axis=-1)
    return np.where(np.isnan(share).all(axis=-1), np.nan, total)[()]


def _over_bins(reduce, values):
    empty = np.isnan(values).all(axis=-1)
    filled = np.where(empty[..., None], 0.0, values)
    return np.where(empty, np.nan, reduce(filled, axis=-1))[()]
