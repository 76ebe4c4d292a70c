"""Calibration errors of the predicted class and of every class, exactly."""

import math
from typing import NamedTuple

import numpy as np

from keras_refcal.evaluation.order_statistics import OrderStatistics
from keras_refcal.evaluation.threads import map_in_threads
from keras_refcal.ops.bins import (
    bin_index,
    convention_edges,
    netcal_mass_edges,
    published_mass_edges,
)
from keras_refcal.ops.division import divide_no_nan
from keras_refcal.predictions import Predictions

BLOCK_VALUES = 2**20
SUMMED_ROWS = 64


class BinCounts(NamedTuple):
    """Additive counters of bins, which run along the last axis.

    `ops.calibration_error` has the errors that follow from them, with `xp=numpy`.

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


def top_label_counts(confidence, correct, num_bins=15, convention="guo", weight=None):
    """Returns the `BinCounts` of confidence against correctness, equal width."""
    edges, closed = convention_edges(num_bins, convention)
    index = bin_index(confidence, edges, closed, xp=np)
    return BinCounts.of(index, len(edges) - 1, confidence, correct, weight)


def effective_rows(confidence, weights, num_bins=15, convention="guo") -> np.ndarray:
    """Returns the effective number of rows of each bin, (Σw)² / Σw².

    Args:
        confidence: Shape `(n,)`.
        weights: Above 0, shape `(n,)`.
        num_bins: Number of bins of equal width.
        convention: Which side of a bin is closed.
    """
    edges, closed = convention_edges(num_bins, convention)
    index = bin_index(confidence, edges, closed, xp=np)
    sums, squares = (
        np.bincount(index, x, len(edges) - 1) for x in (weights, weights**2)
    )
    return divide_no_nan(sums**2, squares, np)


def debiased_expected_error(counts, rows=None) -> float:
    """Returns the ECE less what chance adds to it, 0 or more.

    The accuracy of a bin scatters by `sqrt(a (1 - a) / m)`, which makes its absolute
    gap too large on average, by the mean of a folded normal distribution less the gap:
    the correction of Kumar et al. 2019, https://arxiv.org/abs/1909.10155, without their
    resampling.

    Args:
        counts: Of shape `(3, M)`, see `ops.calibration_error`.
        rows: Effective number of rows of each bin; `None` if every weight is 1.
    """
    weight, confidence, correct = counts
    rows = weight if rows is None else rows
    share = weight / weight.sum()
    accuracy = divide_no_nan(correct, weight, np)
    spread = np.sqrt(divide_no_nan(accuracy * (1 - accuracy), rows, np))
    gap = np.abs(divide_no_nan(confidence - correct, weight, np))
    ratio = divide_no_nan(gap, spread, np)
    density = math.sqrt(2 / math.pi) * np.exp(-(ratio**2) / 2)
    inside = np.array([math.erf(x / math.sqrt(2)) for x in ratio])
    folded = np.where(spread > 0, spread * density + gap * inside, gap)
    return max(float(share @ (2 * gap - folded)), 0.0)


def equal_mass_error(confidence, correct, num_bins=15, edges="interpolated"):
    """Returns the top-label ECE over bins of equally many samples.

    NaN for a single sample.

    Args:
        confidence: Largest probability of each sample, shape `(n,)`.
        correct: Booleans, shape `(n,)`.
        num_bins: Number of bins.
        edges: `"interpolated"`, bins (a, b] between interpolated order statistics,
            the smallest confidence in no bin (most published code); `"quantile"`,
            bins [a, b) between NumPy's quantiles from 0 to 1 (netcal).
    """
    confidence = np.asarray(confidence, "float64")
    if len(confidence) < 2:
        return np.nan
    if edges == "interpolated":
        borders = published_mass_edges(confidence, num_bins)
        index = np.searchsorted(borders[1:-1], confidence, "left")
        counted = confidence > borders[0]
    else:
        borders = netcal_mass_edges(confidence, num_bins)
        index = np.searchsorted(borders[1:-1], confidence, "right")
        counted = None
    counts = BinCounts.of(index, num_bins, confidence, correct, counted)
    return np.abs(counts.confidence - counts.correct).sum() / len(confidence)


def classwise_counts(predictions: Predictions, num_bins=15, convention="guo"):
    """Returns the `BinCounts` of every class's probability, `(K, num_bins)`.

    Nearly all probabilities lie in the first bin, so only the others are looked at
    one by one; the first bin is what remains of each column's total.
    """
    edges, closed = convention_edges(num_bins, convention)
    total_bins = len(edges) - 1
    # So many classes at a time that their counters take little room.
    width = max(1, BLOCK_VALUES // total_bins)
    weights = predictions.weights
    parts = [
        _block_counts(
            predictions.probabilities[:, first : first + width], edges, closed
        )
        if weights is None
        else _weighted_counts(
            predictions.probabilities[:, first : first + width], weights, edges, closed
        )
        for first in range(0, predictions.num_classes, width)
    ]
    weight, confidence = (np.concatenate(part) for part in zip(*parts, strict=True))
    cells = predictions.labels * total_bins
    cells += bin_index(predictions.label_probability, edges, closed, xp=np)
    correct = np.bincount(cells, weights, minlength=weight.size).reshape(weight.shape)
    return BinCounts(weight, confidence, correct.astype("float64"))


def _weighted_counts(probabilities, weights, edges, closed):
    """Returns weight and weighted sum of the probabilities of classes by bin."""
    bins = len(edges) - 1
    counts = []
    for column in probabilities.T:
        index = bin_index(np.ascontiguousarray(column), edges, closed, xp=np)
        sums = (np.bincount(index, x, bins) for x in (weights, weights * column))
        counts.append([*sums])
    return np.array(counts).transpose(1, 0, 2)


def _block_counts(probabilities, edges, closed):
    """Returns weight and sum of the probabilities of some classes by bin."""
    num_samples, num_classes = probabilities.shape
    total_bins = len(edges) - 1
    size = num_classes * total_bins

    def counts_of(block):
        above = np.flatnonzero(block.astype("float32", copy=False) >= edges[1])
        values = block.ravel()[above]
        cells = (above % num_classes) * total_bins
        cells += bin_index(values, edges, closed, xp=np)
        weight = np.bincount(cells, minlength=size)
        confidence = np.bincount(cells, values, minlength=size)
        return weight, confidence, _column_totals(block)

    step = max(BLOCK_VALUES // num_classes, 4 * total_bins)
    blocks = np.split(probabilities, range(step, num_samples, step))
    counts = zip(*map_in_threads(counts_of, blocks), strict=True)
    weight, confidence, column_totals = (
        np.sum(x, axis=0, dtype="float64") for x in counts
    )
    weight = weight.reshape(num_classes, total_bins)
    confidence = confidence.reshape(num_classes, total_bins)
    weight[:, 0] += num_samples - weight.sum(axis=1)
    confidence[:, 0] += column_totals - confidence.sum(axis=1)
    return weight, confidence


def _column_totals(block):
    """Returns the sum of each column, float64, from sums of a few rows in their type.

    NumPy's own float64 sum of float32 columns takes twice as long.
    """
    whole = len(block) // SUMMED_ROWS * SUMMED_ROWS
    groups = block[:whole].reshape(-1, SUMMED_ROWS, block.shape[1])
    sums = np.matmul(np.ones((1, SUMMED_ROWS), block.dtype), groups)[:, 0]
    rest = block[whole:].sum(axis=0, dtype="float64")
    return rest + sums.sum(axis=0, dtype="float64")


def classwise_error(predictions: Predictions, counts: BinCounts, convention="guo"):
    """Returns SCE, the mean over classes of the ECE of a class's probability.

    Paper: Nixon et al. 2019, https://arxiv.org/abs/1904.01685. With the bins (a, b]
    of `"guo"` a probability of exactly 0 is in no bin, as in published code; the
    other conventions count it in the first bin.

    Args:
        predictions: What to judge.
        counts: Its `classwise_counts` under the same convention.
        convention: Which side of a bin is closed.
    """
    return class_errors(predictions, counts, convention).mean()


def class_errors(predictions: Predictions, counts: BinCounts, convention="guo"):
    """Returns the ECE of each class's probability, see `classwise_error`."""
    gap = counts.confidence - counts.correct
    if convention == "guo":
        impossible = predictions.labels[predictions.label_probability == 0]
        weights = predictions.weights
        if weights is not None:
            weights = weights[predictions.label_probability == 0]
        gap[:, 0] += np.bincount(impossible, weights, minlength=len(gap))
    return np.abs(gap).sum(axis=1) / predictions.total


def adaptive_errors(predictions: Predictions, num_bins=15, thresholds=(0.0,)):
    """Returns ACE (threshold 0) and TACE (others): classwise, equal-mass bins.

    Bins start at every `n // num_bins`-th order statistic of a class's
    probabilities; they are (a, b], so that what equals the smallest value is in no
    bin. Probabilities below the threshold are read as 0. NaN with fewer samples
    than bins. Paper: https://arxiv.org/abs/1904.01685

    Args:
        predictions: What to judge.
        num_bins: Number of bins a class.
        thresholds: One result for each of these.
    """
    num_samples = predictions.num_samples
    if num_samples < num_bins:
        return [np.nan] * len(thresholds)
    starts = np.arange(num_bins) * (num_samples // num_bins)
    order = np.argsort(predictions.labels, kind="stable")
    positives = np.split(
        predictions.label_probability[order], np.cumsum(predictions.class_totals)[:-1]
    )
    width = max(1, BLOCK_VALUES // num_samples)
    gaps = np.zeros(len(thresholds))
    for first in range(0, predictions.num_classes, width):
        block = predictions.probabilities[:, first : first + width].T.copy()
        for column, events in zip(block, positives[first:], strict=False):
            gaps += _adaptive_gaps(column, events, starts, thresholds)
    return list(gaps / predictions.num_classes / num_samples)


def _adaptive_gaps(column, events, starts, thresholds):
    """Returns the sum over bins of |probability - events|, for each threshold."""
    thresholds = np.asarray(thresholds, column.dtype)
    statistics = OrderStatistics(column, starts, [0, *thresholds])
    total = column.sum(dtype="float64")
    gaps = []
    for threshold in thresholds:
        edges = np.where(
            statistics.at_positions < threshold, 0, statistics.at_positions
        )
        below = statistics.sum_below(threshold)
        sums = np.maximum(statistics.sum_up_to(edges), below)
        bins = np.searchsorted(edges, np.where(events < threshold, 0, events), "left")
        hits = np.bincount(bins, minlength=len(starts) + 1)[1:]
        gaps.append(np.abs(np.diff(sums, append=total) - hits).sum())
    return gaps
