"""Exact multi-class AUROC, one search a column.

One-versus-one macro AUROC is a one-versus-rest AUROC in which each sample weighs one
over its class's total: column a then ranks class a against the mean of the others.
So every sample is searched once among the few sorted scores of a column's class; blocks
of columns are searched by threads, because NumPy lets go of Python meanwhile.
"""

import math

import numpy as np
from numpy.typing import ArrayLike

from keras_refcal.evaluation.radix_keys import (
    NUM_KEYS,
    ordered_bits,
    radix_keys,
    signed_bits,
)
from keras_refcal.evaluation.threads import map_in_threads
from keras_refcal.ops.division import divide
from keras_refcal.predictions import as_predictions, as_weights
from keras_refcal.predictions.log_odds import LogOdds

BLOCK_VALUES = 2**20

# From here on it pays to sort all samples before they are searched.
MANY_POSITIVES = 2048


def multiclass_auroc(
    y_true: ArrayLike,
    probabilities: ArrayLike | None = None,
    *,
    logits: ArrayLike | None = None,
    multi_class: str = "ovo",
    average: str = "macro",
    sample_weight: ArrayLike | None = None,
    renormalize: bool = True,
) -> float:
    """Returns the area under the ROC curve of several classes; ties count half.

    A class that no sample has is left out: its column is dropped and, unless
    `renormalize=False`, the other columns are divided by their sum. NaN if fewer
    than two classes are present; of two classes, the second one's column is ranked.
    With `"ovo"` and `"macro"` this is the measure of
    Hand and Till (https://doi.org/10.1023/A:1010920819831), which the RefCal paper
    calls refinement; equal to scikit-learn's `roc_auc_score`.

    Args:
        y_true: Class ids `(n,)` or one-hot rows `(n, num_classes)`.
        probabilities: Shape `(n, num_classes)`, or `(n,)` for two classes.
        logits: In place of `probabilities`; their log-odds are ranked, which differ
            where softmax is rounded to 0 or 1.
        multi_class: `"ovo"`, each class against each, or `"ovr"`, against the rest.
        average: `"macro"`, or `"weighted"` by the classes' frequency.
        sample_weight: Shape `(n,)`; a whole number equals that many repetitions.
        renormalize: Whether rows are divided by their sum over present classes.

    Raises:
        ValueError: For input that is not valid, see `evaluate`.

    >>> probabilities = [[0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.3, 0.4, 0.3]]
    >>> multiclass_auroc([0, 1, 2], probabilities)
    0.9166666666666666
    """
    if multi_class not in ("ovo", "ovr") or average not in ("macro", "weighted"):
        raise ValueError(
            "`multi_class` must be 'ovo' or 'ovr', `average` 'macro' or 'weighted'. "
            f"Received: {multi_class!r} and {average!r}"
        )
    predictions = as_predictions(y_true, probabilities, logits)
    areas = ClassAreas.of(predictions, sample_weight, renormalize)
    return areas.average(multi_class, average)


class ClassAreas:
    """Area of each present class against each other (`ovo`) and the rest (`ovr`)."""

    def __init__(self, totals, one_vs_one, one_vs_rest):
        self.totals = totals
        self.one_vs_one = one_vs_one
        self.one_vs_rest = one_vs_rest

    @classmethod
    def of(cls, predictions, sample_weight=None, renormalize=True):
        """Computes both areas of every present class from one search a column."""
        weight = None
        if sample_weight is not None:
            weight = as_weights("sample_weight", sample_weight, predictions.num_samples)
            predictions, weight = predictions.take(weight > 0), weight[weight > 0]
        labels = predictions.labels
        totals = np.bincount(labels, weight, minlength=predictions.num_classes)
        present = np.flatnonzero(totals)
        if len(present) < 2:
            return cls(totals[present], *np.full((2, len(present)), np.nan))
        scores_of = _scores(predictions, present if renormalize else None)
        areas = _areas(scores_of, labels, weight, totals, present)
        return cls(totals[present], *areas)

    def average(self, multi_class="ovo", average="macro") -> float:
        """Returns the mean over classes or, for weighted one-vs-one, over pairs."""
        if len(self.totals) < 2:
            return float("nan")
        if len(self.totals) == 2:
            # As for any binary AUROC only the second column counts: the other may
            # have lost digits in 1 - p.
            return float(self.one_vs_rest[1])
        if average == "macro":
            return float(self._of(multi_class).mean())
        shares = self.totals / self.totals.sum()
        if multi_class == "ovr":
            return float(shares @ self.one_vs_rest)
        # A pair weighs as much as its two classes hold together.
        others = (1 - shares) / (len(shares) - 1)
        return float((shares @ self.one_vs_one + others @ self.one_vs_rest) / 2)

    def _of(self, multi_class):
        return self.one_vs_one if multi_class == "ovo" else self.one_vs_rest


def binary_auroc(positive, scores, weight=None) -> float:
    """Returns P(a positive scores above a negative), ties half; NaN for one class.

    Args:
        positive: Booleans, shape `(n,)`.
        scores: Any numbers, shape `(n,)`.
        weight: Shape `(n,)` or `None`.
    """
    order = np.argsort(scores)
    ordered = scores[order]
    ones = np.ones(len(scores))
    mass = (ones if weight is None else np.asarray(weight, "float64"))[order]
    hits = positive[order]
    below = np.concatenate([[0.0], np.cumsum(mass * ~hits)])
    first = np.searchsorted(ordered, ordered[hits], "left")
    after = np.searchsorted(ordered, ordered[hits], "right")
    wins = mass[hits] @ (below[first] + below[after]) / 2
    return float(divide(wins, mass[hits].sum() * below[-1], xp=np))


def _scores(predictions, present):
    """Returns a function of classes: what ranks samples by each, a row a class.

    Args:
        predictions: What is ranked.
        present: Ids of the classes whose probabilities are divided by their sum, or
            `None` to leave them as they are.
    """
    if present is not None and len(present) == predictions.num_classes:
        present = None
    if predictions.logits is not None:
        if present is None:
            return predictions.log_odds.of_classes
        among = LogOdds(predictions.logits[:, present])
        return lambda classes: among.of_classes(np.searchsorted(present, classes))
    probabilities, sums = predictions.probabilities, None
    if present is not None:
        sums = probabilities[:, present].sum(axis=1, dtype="float64")
        sums[sums == 0] = 1.0

    def columns(classes):
        columns = np.ascontiguousarray(probabilities[:, classes].T)
        return columns if sums is None else columns / sums

    return columns


def _areas(scores_of, labels, weight, totals, present):
    """Returns the one-vs-one and the one-vs-rest area of each present class."""
    rows_by_class = np.split(
        np.argsort(labels, kind="stable"), np.cumsum(np.bincount(labels))[:-1]
    )
    shares = (1.0 if weight is None else weight) / totals[labels]

    def areas_of(classes):
        return [
            _wins(scores, rows_by_class[label], shares, weight)
            for label, scores in zip(classes, scores_of(classes), strict=True)
        ]

    blocks = _blocks(present, len(labels))
    areas = np.concatenate(map_in_threads(areas_of, blocks))
    # Among themselves the positives win half; `shares` of each class add to 1.
    one_vs_one = (areas[:, 0] - 0.5) / (len(present) - 1)
    own = totals[present]
    return one_vs_one, (areas[:, 1] - own / 2) / (totals.sum() - own)


def _blocks(classes, num_samples):
    """Returns the classes in blocks; threads do not pay inside one."""
    count = math.ceil(len(classes) * num_samples / BLOCK_VALUES)
    return np.array_split(classes, min(count, len(classes)))


def _wins(column, positives, shares, weight):
    """Returns the share-weighted mass below a class, by shares and by weight.

    It is what of the class's share lies above each sample, summed over samples.
    """
    own = column[positives]
    order = np.argsort(own)
    scores, own_shares = own[order], shares[positives][order]
    if len(scores) > MANY_POSITIVES:  # searching in order stays in the cache
        order = _argsort(column)
        column, shares = column[order], shares[order]
        weight = None if weight is None else weight[order]
    above = own_shares.sum() - _share_below(column, scores, own_shares)
    by_weight = above.sum() if weight is None else _dot(weight, above)
    return _dot(shares, above), by_weight


def _dot(x, y):
    """Returns `x @ y` without the threads of BLAS, which wait for each other."""
    return np.einsum("i,i", x, y)


def _share_below(samples, scores, shares):
    """Returns the share of ordered scores below each sample, plus half of its ties."""
    below = np.concatenate([[0.0], np.cumsum(shares)])
    first = _search(scores, samples)
    result = below[first]
    tied = np.flatnonzero(
        np.append(scores, scores.dtype.type(np.nan))[first] == samples
    )
    after = np.searchsorted(scores, samples[tied], "right")
    result[tied] = (result[tied] + below[after]) / 2
    return result


def _search(scores, samples):
    """Returns `np.searchsorted(scores, samples)`, for float32 in half the time.

    A table says how many scores have lower leading bits than a sample; only samples
    that share them with a score are searched, whose branches nobody can predict.
    """
    if samples.dtype != np.float32:
        return np.searchsorted(scores, samples)
    buckets, own = radix_keys(samples), radix_keys(scores)
    counts = np.bincount(own, minlength=NUM_KEYS)
    first = (np.cumsum(counts) - counts)[buckets]
    unsure = np.flatnonzero(counts[buckets])
    first[unsure] = np.searchsorted(scores, samples[unsure])
    return first


def _pack(scores, ids):
    """Puts a score of 0 or more and an id below 2^32 into one ordered integer."""
    bits = ordered_bits(scores).astype("uint64")
    bits <<= np.uint64(32)
    bits |= ids
    return bits


def _argsort(column):
    """Argsort of float32 of 0 or more or of any float64, twice as fast as NumPy's.

    The index is put beside a float32, and into the lowest bits of a float64. Where
    that mixes up numbers that nearly tie, the result is not in order and NumPy sorts.
    """
    if column.dtype == np.float32:
        keys = _pack(column, np.arange(len(column), dtype="uint64"))
        keys.sort()
        return keys & np.uint64(2**32 - 1)
    index_bits = np.int64(2 ** int(len(column) - 1).bit_length() - 1)
    keys = signed_bits(column) & ~index_bits
    keys |= np.arange(len(column))
    keys.sort()
    order = keys & index_bits
    ordered = column[order]
    return order if np.all(ordered[1:] >= ordered[:-1]) else np.argsort(column)
