"""What metrics count: each kind of additive counter, and how a batch adds to it.

Equal counters of two metrics hold the same numbers, so `MetricCollection` counts them
once. Shapes: B rows, K classes, M bins.
"""

import dataclasses
import functools
import math
from typing import Any, ClassVar

from keras_refcal.ops.bins import bin_index, convention_edges, fine_index

# Cells that a histogram of class pairs takes by itself: at most, and where more bins
# than usual fit, because classes are few. Bins a class, alone and in pairs.
PAIR_CELLS, FEW_CELLS = 2**20, 2**16
PAIR_BINS, CLASS_BINS, MOST_BINS = (16, 256), 512, 4096


@dataclasses.dataclass(frozen=True)
class Counters:
    """Additive counters; `per_class` says whether their shape depends on K."""

    per_class: ClassVar[bool] = False

    def shape(self, num_classes) -> tuple[int, ...]:
        """Returns the shape of the counters; K is `None` unless `per_class`."""
        raise NotImplementedError

    def count(self, batch):
        """Returns what a `Batch` adds, a tensor of that shape."""
        raise NotImplementedError

    def squares(self):
        """Returns how many counters, the last ones, are squares of weights.

        They may overflow where the weights do not: intervals then are unknown.
        """
        return 0


@dataclasses.dataclass(frozen=True)
class Rejected(Counters):
    """What was left out, by fault; see `Batch.rejected`."""

    def shape(self, num_classes):
        """Returns `(4,)`."""
        return (4,)

    def count(self, batch):
        """See `Batch.rejected`."""
        return batch.rejected


@dataclasses.dataclass(frozen=True)
class TopLabelBins(Counters):
    """Weight, confidence, right answers and squared weight, in bins of equal width."""

    num_bins: int = 15
    convention: str = "guo"

    @functools.cached_property
    def edges(self) -> Any:
        """Edges of the bins, and the side on which they are closed."""
        return convention_edges(self.num_bins, self.convention)

    def shape(self, num_classes: int) -> Any:
        """Returns `(4, M)`."""
        return (4, len(self.edges[0]) - 1)

    def squares(self) -> Any:
        """Returns M."""
        return self.shape(None)[1]

    def count(self, batch: Any) -> Any:
        """Returns the sums of the batch by bin."""
        index = bin_index(batch.confidence, *self.edges)
        num_bins = self.shape(None)[1]
        if batch.unweighted:
            sums = batch.xp.sum_columns(batch.answers, index, num_bins)
            return batch.xp.concatenate([sums, sums[:1]], axis=0)
        columns = [*batch.answers, batch.weight**2]
        return batch.xp.sum_columns(columns, index, num_bins)


@dataclasses.dataclass(frozen=True)
class SquaredWeight(Counters):
    """Sum of the squared weights of all rows."""

    def shape(self, num_classes):
        """Returns `(1,)`."""
        return (1,)

    def squares(self):
        """Returns 1."""
        return 1

    def count(self, batch):
        """Returns the sum of the squares."""
        return batch.xp.reshape(batch.xp.sum(batch.weight**2), (1,))


@dataclasses.dataclass(frozen=True)
class FineConfidence(Counters):
    """Weight, confidence and right answers by confidence, in fine bins."""

    resolution: int

    def shape(self, num_classes: int) -> Any:
        """Returns `(3, M)`."""
        return (3, self.resolution)

    def count(self, batch: Any) -> Any:
        """Returns the sums of the batch by bin."""
        index = fine_index(batch.confidence_log_odds, self.resolution, batch.xp)
        return batch.xp.sum_columns(batch.answers, index, self.resolution)


@dataclasses.dataclass(frozen=True)
class ClassBins(Counters):
    """Weight, probability and events of each class, in bins of equal width.

    An event is a sample of the class. Events of probability exactly 0 are in a bin of
    their own, the last: published code leaves them out.
    """

    num_bins: int = 15
    convention: str = "guo"
    per_class: ClassVar[bool] = True

    @functools.cached_property
    def edges(self) -> Any:
        """Edges of the bins, and the side on which they are closed."""
        return convention_edges(self.num_bins, self.convention)

    def shape(self, num_classes: int) -> Any:
        """Returns `(3, K, M + 1)`."""
        return (3, num_classes, len(self.edges[0]))

    def count(self, batch: Any) -> Any:
        """Returns the sums of the batch by class and bin."""
        xp = batch.xp
        num_bins = len(self.edges[0])
        event_bin = bin_index(batch.label_probability, *self.edges)
        impossible = xp.equal(batch.label_probability, 0)
        return _by_class(
            batch,
            bin_index(batch.probabilities, *self.edges),
            xp.where(impossible, num_bins - 1, xp.cast(event_bin, "int32")),
            num_bins,
        )


@dataclasses.dataclass(frozen=True)
class FineClassBins(Counters):
    """Weight, probability and events of each class, in fine bins.

    Probabilities below `threshold` add their weight only.
    """

    resolution: int | None
    threshold: float = 0.0
    per_class: ClassVar[bool] = True

    def shape(self, num_classes: int) -> Any:
        """Returns `(3, K, M)`."""
        return (3, num_classes, self.resolution or class_bins(num_classes))

    def count(self, batch: Any) -> Any:
        """Returns the sums of the batch by class and bin."""
        xp, resolution = batch.xp, self.shape(batch.num_classes)[-1]
        index = fine_index(batch.log_odds, resolution, xp)
        event_index = xp.take_along_axis(index, batch.labels[:, None], axis=-1)
        return _by_class(batch, index, event_index[:, 0], resolution, self.threshold)


@dataclasses.dataclass(frozen=True)
class PairBins(Counters):
    """Weight by label, by class, and by that class's probability in fine bins."""

    resolution: int | None
    per_class: ClassVar[bool] = True

    def shape(self, num_classes):
        """Returns `(K, K, M)`: label, class, bin."""
        return (num_classes, num_classes, self.resolution or pair_bins(num_classes))

    def count(self, batch):
        """Returns the sums of the batch by label, class and bin."""
        xp = batch.xp
        num_classes, _, resolution = shape = self.shape(batch.num_classes)
        columns = xp.arange(num_classes, dtype="int32")
        pair = batch.labels[:, None] * num_classes + columns
        cell = pair * resolution + fine_index(batch.log_odds, resolution, xp)
        weight = xp.reshape(
            xp.broadcast_to(batch.weight[:, None], xp.shape(cell)), (-1,)
        )
        size = num_classes * num_classes * resolution
        return xp.reshape(
            xp.sum_columns([weight], xp.reshape(cell, (-1,)), size), shape
        )


@dataclasses.dataclass(frozen=True)
class ClassAnswers(Counters):
    """Weight and right answers by label."""

    num_classes: int

    def shape(self, num_classes: int) -> Any:
        """Returns `(2, K)`."""
        return (2, self.num_classes)

    def count(self, batch: Any) -> Any:
        """Returns the sums of the batch by label."""
        xp = batch.xp
        if batch.num_classes != self.num_classes:
            raise ValueError(
                f"`y_pred` must have {self.num_classes} classes, one for each entry "
                f"of `class_counts`. Received: {batch.num_classes}"
            )
        columns = [batch.weight, batch.weight * batch.correct]
        return xp.sum_columns(columns, batch.labels, self.num_classes)


@dataclasses.dataclass(frozen=True)
class SquaredDistance(Counters):
    """Weight, and squared distance of the probabilities to the one-hot label."""

    def shape(self, num_classes: int) -> Any:
        """Returns `(2,)`."""
        return (2,)

    def count(self, batch: Any) -> Any:
        """Returns the sums of the batch."""
        return _sums(batch.xp, batch.weight, batch.squared_distance)


@dataclasses.dataclass(frozen=True)
class LogLikelihood(Counters):
    """Weight, minus log-probability of labels, and weight of those of probability 0."""

    clip: float = 0.0

    def shape(self, num_classes: int) -> Any:
        """Returns `(3,)`."""
        return (3,)

    def count(self, batch: Any) -> Any:
        """Returns the sums of the batch."""
        xp = batch.xp
        log_label = batch.log_label_probability
        impossible = xp.cast(batch.label_is_impossible, "float64")
        if self.clip:
            # As tensors: Keras makes float32 of these numbers on PyTorch.
            least = xp.zeros_like(log_label) + math.log(self.clip)
            most = xp.zeros_like(log_label) + math.log1p(-self.clip)
            below = batch.label_is_impossible | (log_label < least)
            log_label = xp.where(below, least, log_label)
            log_label = xp.where(log_label > most, most, log_label)
            impossible = xp.zeros_like(impossible)
        return _sums(xp, batch.weight, -log_label, impossible)


def pair_bins(num_classes) -> int:
    """Returns the number of bins for which all pairs of classes take a few MB.

    >>> [pair_bins(k) for k in (2, 10, 100, 1000)]
    [4096, 512, 64, 16]
    """
    least, most = PAIR_BINS
    usual = min(most, max(least, _power_of_two(PAIR_CELLS // num_classes**2)))
    return max(usual, min(MOST_BINS, _power_of_two(FEW_CELLS // num_classes**2)))


def class_bins(num_classes) -> int:
    """Returns the number of bins of each class against the rest.

    >>> [class_bins(k) for k in (2, 10, 100, 1000)]
    [4096, 4096, 512, 512]
    """
    return max(CLASS_BINS, min(MOST_BINS, _power_of_two(FEW_CELLS // num_classes)))


def _power_of_two(number):
    """Returns the greatest power of two up to a whole number, 0 for 0."""
    return 2 ** (number.bit_length() - 1) if number else 0


def _sums(xp, weight, *values):
    """Returns the weight and the weighted sum of each kind of values."""
    return xp.stack([xp.sum(weight), *(xp.sum(weight * v) for v in values)])


def _by_class(batch, index, event_index, num_bins, threshold=0.0):
    """Returns weight, probability and events by class and bin, `(3, K, M)`."""
    xp = batch.xp
    num_classes = batch.num_classes
    size = num_classes * num_bins
    offsets = xp.arange(num_classes, dtype="int32") * num_bins
    cell = xp.reshape(xp.cast(index, "int32") + offsets, (-1,))
    probabilities, events = xp.cast(batch.probabilities, "float64"), batch.weight
    if threshold:
        probabilities = xp.where(probabilities >= threshold, probabilities, 0.0)
        events = xp.where(batch.label_probability >= threshold, events, 0.0)
    weight = xp.broadcast_to(batch.weight[:, None], xp.shape(probabilities))
    columns = [xp.reshape(x, (-1,)) for x in (weight, weight * probabilities)]
    sums = xp.sum_columns(columns, cell, size)
    event_cell = batch.labels * num_bins + xp.cast(event_index, "int32")
    hits = xp.sum_columns([events], event_cell, size)
    counts = xp.concatenate([sums, hits], axis=0)
    return xp.reshape(counts, (3, num_classes, num_bins))
