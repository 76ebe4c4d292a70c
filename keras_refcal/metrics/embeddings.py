"""Metrics of embeddings, by which a collapse is seen while it happens.

They are given to `RefCalModel.compile(embedding_metrics=[...])` and see the projected
embeddings of every view, scaled to unit length. Their state is additive counters of
fixed size.
"""

import keras
from keras import ops

from keras_refcal.backend import double_precision, sum_by_index
from keras_refcal.ops import compensated_sum, counting_in_keras
from keras_refcal.ops.labels import class_ids
from keras_refcal.ops.vectors import l2_normalize
from keras_refcal.registration import Configured, serializable
from keras_refcal.validation import check_integer, check_positive

# Of the greatest singular value: smaller ones count as 0.
LEAST = 1e-3

__all__ = ["Alignment", "EffectiveRank", "Uniformity"]


class EmbeddingMetric(Configured, keras.metrics.Metric):
    """A figure of embeddings from additive counters.

    Subclasses define `size(dim)`, the number of counters, `count(labels, rows, weight,
    views)`, what a batch adds, and `score(counters)`.

    Call arguments of `update_state`:
        y_true: Class ids, shape `(batch,)` or `(batch, 1)`, or rows of probabilities.
        y_pred: Embeddings, shape `(batch, dim)` or `(batch, views, dim)`.
        sample_weight: Optional, numbers of 0 or more, shape `(batch,)`; weight 0 equals
            absence.

    Args:
        name: Optional name of the metric.
        dtype: As in `keras.metrics.Metric`; the state is float32.
    """

    def __init__(self, name=None, dtype=None):
        super().__init__(name=name, dtype="float32")
        self._counters = None

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Counts a batch."""
        rows = ops.cast(y_pred, "float32")
        if len(rows.shape) == 2:
            rows = rows[:, None]
        if len(rows.shape) != 3:
            raise ValueError(
                "Embeddings must have shape (batch, dim) or (batch, views, dim). "
                f"Received shape: {tuple(y_pred.shape)}"
            )
        views, dim = rows.shape[1:]
        if self._counters is None:
            self._counters = self.add_variable(
                (2, self.size(dim)), "zeros", dtype="float32", name="counters"
            )
        rows = l2_normalize(rows)
        labels = class_ids(ops.convert_to_tensor(y_true))
        weight = ops.ones_like(rows[:, 0, 0])
        if sample_weight is not None:
            weight = weight * ops.cast(ops.reshape(sample_weight, (-1,)), "float32")
        with double_precision():
            double = counting_in_keras.double
            added = self.count(
                ops.repeat(labels, views),
                double(ops.reshape(rows, (-1, dim))),
                double(ops.repeat(weight, views)),
                views,
            )
            state = compensated_sum.add(self._counters.value, added)
            self._counters.assign(state)

    def result(self):
        """Returns the figure, NaN while it is undefined."""
        if self._counters is None:
            return ops.convert_to_tensor(float("nan"), "float32")
        with double_precision():
            counters = compensated_sum.value(self._counters.value)
            return ops.cast(self.score(counters), "float32")

    def size(self, dim):
        """Returns the number of counters."""
        raise NotImplementedError

    def count(self, labels, rows, weight, views):
        """Returns what a batch adds, float64 of shape `(size,)`.

        Args:
            labels: Class ids, shape `(n,)`; the views of a sample follow each other.
            rows: Unit vectors, float64 of shape `(n, dim)`.
            weight: float64 of shape `(n,)`.
            views: Views of each sample.
        """
        raise NotImplementedError

    def score(self, counters):
        """Returns the figure of the counters."""
        raise NotImplementedError


@serializable
class Alignment(EmbeddingMetric):
    """Mean squared distance of embeddings of one class.

    Over all pairs of views of one class in all batches, on the unit sphere: 0 where
    each class is one point, 2 where classes say nothing; range [0, 4]. NaN without a
    pair. The state holds the sum of each class, `num_classes * dim` numbers.

    Args:
        num_classes: Number of classes.
        name: Optional name of the metric.
        dtype: As in `keras.metrics.Metric`.

    Reference:
        [Wang and Isola, 2020](https://arxiv.org/abs/2005.10242), for pairs of a class.

    Example:

    >>> import numpy as np
    >>> from keras_refcal.metrics.embeddings import Alignment
    >>> metric = Alignment(num_classes=2)
    >>> metric.update_state(np.array([0, 0]), np.array([[1.0, 0.0], [0.0, 1.0]]))
    >>> float(metric.result())
    2.0
    """

    def __init__(self, num_classes, name="alignment", dtype=None):
        super().__init__(name=name, dtype=dtype)
        check_integer("num_classes", num_classes, 1)
        self.num_classes = num_classes

    def size(self, dim):
        """Returns the size of weights, squared weights and sums of each class."""
        return self.num_classes * (dim + 2)

    def count(self, labels, rows, weight, views):
        """See `EmbeddingMetric`."""
        weight = weight[:, None]
        columns = [weight, weight**2, weight * rows]
        columns = ops.concatenate(columns, axis=-1)
        return ops.reshape(sum_by_index(columns, labels, self.num_classes), (-1,))

    def score(self, counters):
        """See `EmbeddingMetric`."""
        counters = ops.reshape(counters, (self.num_classes, -1))
        weight, squares, sums = counters[:, 0], counters[:, 1], counters[:, 2:]
        # Of unit vectors |x - y|² = 2 - 2 x·y; a vector is no pair with itself.
        pairs = ops.sum(weight**2 - squares)
        products = ops.sum(ops.sum(sums**2, axis=-1) - squares)
        return 2 - 2 * products / ops.where(pairs > 0, pairs, float("nan"))


@serializable
class Uniformity(EmbeddingMetric):
    """Logarithm of the mean of `exp(-t |x - y|²)` over pairs of samples of a batch.

    0 where all embeddings are one point, the sign of collapse; the more evenly they
    spread over the sphere the further below, down to -4 t. NaN without a pair. Pairs
    are those of different samples within a batch, so larger batches tell more.

    Args:
        t: Number above 0.
        name: Optional name of the metric.
        dtype: As in `keras.metrics.Metric`.

    Reference:
        [Wang and Isola, 2020](https://arxiv.org/abs/2005.10242), section 4.1.

    Example:

    >>> import numpy as np
    >>> from keras_refcal.metrics.embeddings import Uniformity
    >>> metric = Uniformity()
    >>> metric.update_state(np.array([0, 1]), np.array([[1.0, 0.0], [-1.0, 0.0]]))
    >>> float(metric.result())
    -8.0
    """

    def __init__(self, t=2.0, name="uniformity", dtype=None):
        super().__init__(name=name, dtype=dtype)
        check_positive("t", t)
        self.t = t

    def size(self, dim):
        """Returns 2: weight of the pairs, and weighted sum."""
        return 2

    def count(self, labels, rows, weight, views):
        """See `EmbeddingMetric`."""
        sample = ops.arange(ops.shape(rows)[0], dtype="int32") // views
        other = ops.cast(sample[:, None] != sample[None, :], "float64")
        pairs = other * weight[:, None] * weight[None, :]
        distance = 2 - 2 * ops.matmul(rows, ops.transpose(rows))
        potential = ops.exp(-self.t * distance)
        return ops.stack([ops.sum(pairs), ops.sum(pairs * potential)])

    def score(self, counters):
        """See `EmbeddingMetric`."""
        pairs = ops.where(counters[0] > 0, counters[0], float("nan"))
        return ops.log(counters[1] / pairs)


@serializable
class EffectiveRank(EmbeddingMetric):
    """How many directions the embeddings use: the exponential of an entropy.

    Of the singular values of all embeddings, divided by their sum; one below a
    thousandth of the greatest, as rounding leaves, counts as 0. Range from 1, where
    all lie on one line, the sign of collapse, to the length of the embedding. NaN
    without samples. The state holds the second moments, `dim * dim` numbers.

    Args:
        name: Optional name of the metric.
        dtype: As in `keras.metrics.Metric`.

    Reference:
        [Roy and Vetterli, 2007](https://ieeexplore.ieee.org/document/7098875);
        [Garrido et al., 2023](https://arxiv.org/abs/2210.02885) (RankMe).

    Example:

    >>> import numpy as np
    >>> from keras_refcal.metrics.embeddings import EffectiveRank
    >>> metric = EffectiveRank()
    >>> metric.update_state(np.array([0, 1]), np.eye(2))
    >>> round(float(metric.result()), 4)
    2.0
    """

    def __init__(self, name="effective_rank", dtype=None):
        super().__init__(name=name, dtype=dtype)

    def size(self, dim):
        """Returns the number of second moments."""
        return dim * dim

    def count(self, labels, rows, weight, views):
        """See `EmbeddingMetric`."""
        moments = ops.matmul(ops.transpose(rows * weight[:, None]), rows)
        return ops.reshape(moments, (-1,))

    def score(self, counters):
        """See `EmbeddingMetric`."""
        dim = round(counters.shape[0] ** 0.5)
        moments = ops.reshape(counters, (dim, dim))
        squares = ops.linalg.eigh((moments + ops.transpose(moments)) / 2)[0]
        least = LEAST**2 * ops.max(squares)
        values = ops.sqrt(ops.where(squares > least, squares, 0.0))
        total = ops.sum(values)
        share = values / ops.where(total > 0, total, float("nan"))
        logs = ops.log(ops.where(share > 0, share, 1.0))
        return ops.exp(-ops.sum(share * logs))
