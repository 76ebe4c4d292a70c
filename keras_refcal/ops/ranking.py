"""Rankings from histograms of scores: pure functions of additive counters.

The bins run along the last axis, in ascending order of score. Samples of one bin count
as ties: a pair of them is half a win. What no sample defines is NaN.
"""

from keras import ops

from keras_refcal.backend import cumsum
from keras_refcal.ops.calibration_error import positive
from keras_refcal.ops.division import divide, divide_no_nan
from keras_refcal.types import Tensor


def binary_auroc(positives: Tensor, negatives: Tensor) -> Tensor:
    """Returns P(a positive scores above a negative), ties half, shape `(...)`.

    Args:
        positives: Weight of the positives by bin, shape `(..., M)`.
        negatives: Weight of the negatives by bin, shape `(..., M)`.
    """
    positives, negatives = _shares(positives), _shares(negatives)
    below = cumsum(negatives) - negatives / 2
    return ops.sum(positives * below, axis=-1)


def tied_pairs(positives: Tensor, negatives: Tensor) -> Tensor:
    """Returns the share of pairs whose scores share a bin, shape `(...)`.

    Ranked exactly, such a pair is a win, half a win or none: the exact AUROC lies
    within half of this share.
    """
    return ops.sum(_shares(positives) * _shares(negatives), axis=-1)


def one_vs_rest(statistic, events: Tensor, weight: Tensor) -> Tensor:
    """Returns the mean over classes of a statistic of class against rest.

    Classes of which, or beside which, there is no sample are left out; of two
    classes the second one is ranked.

    Args:
        statistic: `binary_auroc` or `tied_pairs`.
        events: Weight of each class's samples by its score, shape `(K, M)`.
        weight: Weight of all samples by each class's score, shape `(K, M)`.
    """
    by_class = statistic(events, positive(weight - events))
    return by_class[1] if events.shape[0] == 2 else _mean(by_class)


def one_vs_one(statistic, pairs: Tensor) -> Tensor:
    """Returns the mean over ordered pairs of classes of a statistic of the two.

    Classes without a sample are left out; of two classes the second one is ranked.

    Args:
        statistic: `binary_auroc` or `tied_pairs`.
        pairs: Weight by label, class and bin of that class's score, `(K, K, M)`.
    """
    num_classes = pairs.shape[0]
    own = ops.diagonal(ops.transpose(pairs, (2, 0, 1)), axis1=1, axis2=2)
    by_pair = statistic(ops.transpose(own)[None], pairs)
    if num_classes == 2:
        return by_pair[0, 1]
    same = ops.eye(num_classes, dtype="bool")
    return _mean(ops.where(same, float("nan"), by_pair))


def false_positive_rate(positives: Tensor, negatives: Tensor, recall: float):
    """Returns the false positive rate where the recall is first reached, and before.

    Accepting whole bins from the top, the first number is the share of the negatives
    in all bins down to the one in which the recall is reached, the second the share
    without that bin: the exact rate lies between the two.

    Args:
        positives: Weight of the positives by bin, shape `(M,)`.
        negatives: Weight of the negatives by bin, shape `(M,)`.
        recall: Wanted share of the positives.
    """
    hits, misses = ops.flip(positives), ops.flip(_shares(negatives))
    # Rounding of a share must not ask for one bin more.
    share = divide(cumsum(hits), ops.sum(hits))
    reached = share >= recall - 1e-12
    before = ops.logical_not(reached)
    last = ops.logical_and(cumsum(ops.cast(reached, "int32")) == 1, reached)
    lower = ops.sum(ops.where(before, misses, 0.0))
    upper = lower + ops.sum(ops.where(last, misses, 0.0))
    undefined = ops.isnan(share[0] + misses[0])
    return ops.where(undefined, float("nan"), upper), ops.where(
        undefined, float("nan"), lower
    )


def risk_coverage(weight: Tensor, correct: Tensor):
    """Returns AURC where ties come in any order, and bounds over all orders.

    Weights count as repetitions. The three numbers are the mean error rate of the
    most confident samples over all coverages, first expected over the orders inside
    each bin, then with all right answers first, then with all wrong answers first.

    Args:
        weight: Weight of the samples by bin, shape `(M,)`.
        correct: Weight of the right answers by bin, shape `(M,)`.
    """
    weight, wrong = ops.flip(weight), ops.flip(weight - correct)
    wrong = positive(ops.where(wrong < weight, wrong, weight))
    total = ops.sum(weight)
    start, errors = cumsum(weight) - weight, cumsum(wrong) - wrong
    right = weight - wrong
    expected = _segment(start, weight, errors, wrong)
    best = _segment(start, right, errors, ops.zeros_like(wrong))
    best = best + _segment(start + right, wrong, errors, wrong)
    worst = _segment(start, wrong, errors, wrong)
    worst = worst + _segment(start + wrong, right, errors + wrong, wrong * 0)
    return tuple(divide(ops.sum(area), total) for area in (expected, best, worst))


def best_risk_coverage(weight: Tensor, correct: Tensor) -> Tensor:
    """Returns `r + (1 - r) ln(1 - r)`, AURC of a perfect ranking at error rate r."""
    accuracy = divide(ops.sum(correct), ops.sum(weight))
    positive = ops.where(accuracy > 0, accuracy, 1.0)
    return 1 - accuracy + accuracy * ops.log(positive)


def _segment(start, length, errors, wrong):
    """Returns the sum of errors over rank, for ranks after `start`, `length` many.

    The errors grow evenly from `errors` to `errors + wrong`.
    """
    slope = divide_no_nan(wrong, length)
    return wrong + (errors - slope * start) * _harmonic(start, length)


def _harmonic(start, length):
    """Returns `1 / (start + 1) + ... + 1 / (start + length)`, for any real numbers."""
    shift = 6
    explicit = sum(
        length / ((start + i) * (start + length + i)) for i in range(1, shift + 1)
    )
    low = start + shift + 0.5
    high = low + length
    tail = ops.log1p(length / low) + (1 / high**2 - 1 / low**2) / 24
    return explicit + tail


def _shares(weight):
    return divide(weight, ops.sum(weight, axis=-1, keepdims=True))


def _mean(values):
    """Returns the mean of what is defined, NaN if nothing is."""
    defined = ops.logical_not(ops.isnan(values))
    count = ops.sum(ops.cast(defined, values.dtype))
    return divide(ops.sum(ops.where(defined, values, 0.0)), count)
