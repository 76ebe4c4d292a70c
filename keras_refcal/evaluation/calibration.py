"""Calibration errors of the predicted class and of every class, exactly."""

import numpy as np

from keras_refcal.evaluation.counts import BinCounts
from keras_refcal.evaluation.equal_mass import interpolated_edges, quantile_edges
from keras_refcal.evaluation.inputs import Predictions, row_chunks
from keras_refcal.evaluation.threads import map_in_threads
from keras_refcal.ops.binning import bin_index, convention_edges

BLOCK_VALUES = 2**20


def top_label_counts(confidence, correct, num_bins=15, convention="guo", weight=None):
    """Returns the `BinCounts` of confidence against correctness, equal width."""
    edges, closed = convention_edges(num_bins, convention)
    index = bin_index(confidence, edges, closed, xp=np)
    return BinCounts.of(index, len(edges) - 1, confidence, correct, weight)


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
        borders = interpolated_edges(confidence, num_bins)
        index = np.searchsorted(borders[1:-1], confidence, "left")
        counted = confidence > borders[0]
    else:
        borders = quantile_edges(confidence, num_bins)
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
    num_classes, total_bins = predictions.num_classes, len(edges) - 1
    size = num_classes * total_bins
    weight, confidence = np.zeros(size), np.zeros(size)
    column_totals = np.zeros(num_classes)
    for rows in row_chunks(predictions.probabilities):
        block = predictions.probabilities[rows]
        column_totals += block.sum(axis=0, dtype="float64")
        above = np.flatnonzero(block.astype("float32", copy=False) >= edges[1])
        values = block.ravel()[above]
        cells = (above % num_classes) * total_bins
        cells += bin_index(values, edges, closed, xp=np)
        weight += np.bincount(cells, minlength=size)
        confidence += np.bincount(cells, values, minlength=size)
    weight = weight.reshape(num_classes, total_bins)
    confidence = confidence.reshape(num_classes, total_bins)
    weight[:, 0] += predictions.num_samples - weight.sum(axis=1)
    confidence[:, 0] += column_totals - confidence.sum(axis=1)
    cells = predictions.labels * total_bins
    cells += bin_index(predictions.label_probability, edges, closed, xp=np)
    correct = np.bincount(cells, minlength=size).reshape(num_classes, total_bins)
    return BinCounts(weight, confidence, correct.astype("float64"))


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
        gap[:, 0] += np.bincount(impossible, minlength=len(gap))
    return np.abs(gap).sum(axis=1) / predictions.num_samples


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

    def gaps_from(first):
        block = predictions.probabilities[:, first : first + width].T.copy()
        block.sort(axis=1)
        return [
            [_adaptive_gap(column, events, starts, t) for t in thresholds]
            for column, events in zip(block, positives[first:], strict=False)
        ]

    blocks = map_in_threads(gaps_from, range(0, predictions.num_classes, width))
    return list(np.concatenate(blocks).mean(axis=0) / num_samples)


def _adaptive_gap(column, events, starts, threshold):
    """Returns the sum over bins of |probability - events| of one sorted column."""
    edges = column[starts]
    edges = np.where(edges < threshold, 0.0, edges).astype(column.dtype)
    low = np.searchsorted(column, threshold)
    begins = np.maximum(np.searchsorted(column, edges, "right"), low)
    ends = np.append(begins[1:], len(column))
    sums = np.add.reduceat(
        np.append(column, column.dtype.type(0)), begins, dtype="float64"
    )
    sums[begins == ends] = 0  # of nothing, where `reduceat` gives one value
    events = np.where(events < threshold, 0.0, events).astype(column.dtype)
    bins = np.searchsorted(edges, events, "left")
    hits = np.bincount(bins, minlength=len(starts) + 1)[1:]
    return np.abs(sums - hits).sum()
