"""One batch of predictions in the form that all metrics count from."""

import numpy as np

from keras_refcal.ops import counting_in_keras, counting_in_numpy
from keras_refcal.ops.labels import class_ids
from keras_refcal.predictions import ROW_SUM_TOLERANCE


class once:
    """`functools.cached_property` without its lock, 2 µs a time before Python 3.12."""

    def __init__(self, compute):
        self.compute = compute
        self.__doc__ = compute.__doc__

    def __get__(self, instance, owner):
        value = self.compute(instance)
        instance.__dict__[self.compute.__name__] = value
        return value


class Batch:
    """Predictions, labels and weights; what is derived from them is computed once.

    Shapes: B rows, K classes. A row whose prediction is not finite, whose
    probabilities are none (below 0, or not summing to 1 within 0.01), or whose label
    is no class, has weight 0 and is counted in `rejected`.

    `xp` holds the functions that compute on it: those of `keras.ops` for tensors, the
    same in NumPy for arrays.

    Args:
        y_true: Class ids, shape `(B,)` or `(B, 1)`, or rows `(B, K)` of which the
            largest entry is the label.
        y_pred: Shape `(B, K)`; for two classes also class 1 alone, `(B,)` or
            `(B, 1)`.
        sample_weight: Shape `(B,)` or `(B, 1)`, a number, or `None` for 1 each.
        from_logits: Whether `y_pred` holds logits rather than probabilities.
        dtype: What all is computed in.
    """

    def __init__(
        self, y_true, y_pred, sample_weight=None, from_logits=False, dtype="float32"
    ):
        on_arrays = isinstance(y_pred, np.ndarray)
        self.xp = counting_in_numpy if on_arrays else counting_in_keras
        scores = self.xp.cast(y_pred, dtype)
        self._scores = _two_columns(scores, from_logits, self.xp)
        self._from_logits = from_logits
        self._raw_labels = class_ids(y_true, self.xp)
        self._raw_weight = sample_weight

    @property
    def num_classes(self) -> int:
        """Number of classes, K."""
        return self._scores.shape[1]

    @once
    def _row_error(self):
        """Distance of each row's sum from 1, finite only where the row is."""
        if self._from_logits:
            finite = self.xp.all(self.xp.isfinite(self._scores), axis=-1)
            return self.xp.where(
                finite, self.xp.zeros_like(self._scores[:, 0]), float("nan")
            )
        return self.xp.abs(self.xp.row_sums(self._scores) - 1)

    @once
    def valid(self):
        """Whether each row can be judged, shape `(B,)`."""
        labels = self._raw_labels
        proper = (labels >= 0) & (labels < self.num_classes)
        # NaN and infinity fail these comparisons too.
        proper = proper & (self._row_error <= ROW_SUM_TOLERANCE)
        if self._from_logits:
            return proper
        return proper & self.xp.rows_above_zero(self._scores)

    @once
    def _all_valid(self):
        """Whether all rows are known to be valid."""
        return self.xp.is_known_to_hold(self.valid)

    @once
    def _given_weight(self):
        if self._raw_weight is None:
            return 1.0
        weight = self.xp.reshape(
            self.xp.cast(self._raw_weight, self._scores.dtype), (-1,)
        )
        return self.xp.broadcast_to(weight, self.xp.shape(self._scores)[:1])

    @once
    def weight(self):
        """Weight of each row, 0 where it is not valid, shape `(B,)`."""
        if self._raw_weight is None:
            return self.xp.cast(self.valid, self._scores.dtype)
        return self.xp.where(self.valid, self._given_weight, 0.0)

    @once
    def rejected(self):
        """Weight of all rows that are not valid, and of those that are finite, `(2,)`.

        A row that is not finite is a fault of the model; the others are of its use.
        """
        if self._all_valid:
            return self.xp.zeros_like(self._scores[0, :2])
        lost = self._given_weight - self.weight
        finite = self.xp.cast(self._row_error < float("inf"), lost.dtype)
        return self.xp.sum(self.xp.stack([lost, lost * finite]), axis=-1)

    @once
    def labels(self):
        """Class ids, int32 of shape `(B,)`; some class in rows that are not valid."""
        return self.xp.clip(
            self.xp.cast(self._raw_labels, "int32"), 0, self.num_classes - 1
        )

    @once
    def scores(self):
        """Logits or probabilities as given, shape `(B, K)`; 0 in rows not valid."""
        return self.xp.where(self.valid[:, None], self._scores, 0.0)

    @once
    def probabilities(self):
        """Probabilities, shape `(B, K)`."""
        return self.xp.softmax(self.scores) if self._from_logits else self.scores

    @once
    def confidence(self):
        """Largest probability of each row, shape `(B,)`; 0 in rows not valid."""
        if self._from_logits:
            return self.xp.max(self.probabilities, axis=-1)
        largest = self._top[0]
        return largest if self._all_valid else self.xp.where(self.valid, largest, 0.0)

    @once
    def predicted(self):
        """Class of the largest score, the first on ties, int32 of shape `(B,)`."""
        return self.xp.cast(self.xp.argmax(self._scores, axis=-1), "int32")

    @once
    def correct(self):
        """1.0 where the predicted class is the label, else 0.0, shape `(B,)`."""
        return self.xp.cast(self._top[1], self._scores.dtype)

    @once
    def _top(self):
        """Largest score of each row, and whether it is the label's."""
        return self.xp.top(self._scores, self._raw_labels)

    @once
    def _relative(self):
        """Each probability over the largest one, and the sum of all but that one."""
        largest = self.xp.max(self.scores, axis=-1, keepdims=True)
        relative = self.xp.exp(self.scores - largest)
        top = self.xp.one_hot(self.predicted, self.num_classes, dtype=relative.dtype)
        return relative, self.xp.sum(relative * (1 - top), axis=-1), top

    @once
    def odds(self):
        """Odds `(1 - p) / p` against each class, shape `(B, K)`."""
        if not self._from_logits:
            return self.xp.maximum(1 - self.probabilities, 0.0) / self.probabilities
        relative, rest, top = self._relative
        rest = rest[:, None]
        return self.xp.where(top > 0, rest, rest + (1 - relative)) / relative

    @once
    def confidence_odds(self):
        """Odds `(1 - p) / p` against the predicted class, shape `(B,)`."""
        if self._from_logits:
            return self._relative[1]
        return self.xp.maximum(1 - self.confidence, 0.0) / self.confidence

    @once
    def answers(self):
        """Weight, weighted confidence and weighted correctness, each `(B,)`."""
        weight, confidence, correct = self.weight, self.confidence, self.correct
        if self._all_valid and self._raw_weight is None:
            return [weight, confidence, correct]
        return [weight, weight * confidence, weight * correct]

    @once
    def label_probability(self):
        """Probability of each label, shape `(B,)`."""
        return self.xp.of_column(self.probabilities, self.labels)

    @once
    def label_is_impossible(self):
        """Whether each label has probability 0; never so from logits, `(B,)`."""
        if self._from_logits:
            return self.xp.zeros_like(self.valid)
        return self.xp.equal(self.label_probability, 0)

    @once
    def log_label_probability(self):
        """Log-probability of each label, shape `(B,)`; 0 of a probability of 0."""
        if self._from_logits:
            return self.xp.of_column(self.xp.log_softmax(self.scores), self.labels)
        return self.xp.log(
            self.xp.where(self.label_is_impossible, 1.0, self.label_probability)
        )


def check_shapes(y_true, y_pred):
    """Raises `ValueError` unless labels and predictions have shapes that fit."""
    if len(y_pred.shape) not in (1, 2):
        raise ValueError(
            "`y_pred` must have shape (batch, num_classes), or (batch,) or (batch, 1) "
            f"for two classes. Received shape: {tuple(y_pred.shape)}"
        )
    shape, rows, classes = tuple(y_true.shape), y_pred.shape[0], num_classes(y_pred)
    fits = len(shape) == 1 or (len(shape) == 2 and shape[1] in (1, classes))
    if not fits or (None not in (rows, shape[0]) and shape[0] != rows):
        raise ValueError(
            f"`y_true` must be class ids of shape ({rows},) or ({rows}, 1) or rows of "
            f"shape ({rows}, {classes}). Received shape: {shape}"
        )


def num_classes(y_pred) -> int:
    """Returns the number of classes of predictions; one column stands for two."""
    return max(y_pred.shape[1] if len(y_pred.shape) == 2 else 1, 2)


def _two_columns(scores, from_logits, xp):
    """Returns scores of shape `(B, K)`, K of 2 or more."""
    if len(scores.shape) == 1:
        scores = scores[:, None]
    if scores.shape[1] != 1:
        return scores
    other = xp.zeros_like(scores) if from_logits else 1 - scores
    return xp.concatenate([other, scores], axis=-1)
