"""One batch of predictions in the form that all metrics count from."""

import numpy as np

from keras_refcal.metrics.labels import check_labels, check_real, known_ids
from keras_refcal.metrics.once import once
from keras_refcal.metrics.softmax_parts import SoftmaxParts
from keras_refcal.ops import counting_in_keras, counting_in_numpy
from keras_refcal.predictions import ROW_SUM_TOLERANCE

# Rows of an array that are counted at a time.
BLOCK_ROWS = 2**16


class Batch:
    """Predictions, labels and weights; what is derived from them is computed once.

    Shapes: B rows, K classes. A row whose prediction is not finite, whose
    probabilities are none (below 0, or not summing to 1 within 0.01), whose label is no
    class, or whose weight is negative or not finite, has weight 0 and is counted in
    `rejected`. Scores stay in the metric's type; what is summed is float64, so it must
    be used inside `backend.double_precision()`.

    `xp` holds the functions that compute on it: those of `keras.ops` for tensors, the
    same in NumPy for arrays.

    Args:
        y_true: Class ids, shape `(B,)` or `(B, 1)`, or one-hot rows `(B, K)`.
        y_pred: Shape `(B, K)`; for two classes also class 1 alone, `(B,)` or
            `(B, 1)`.
        sample_weight: Shape `(B,)` or `(B, 1)`, a number, or `None` for 1 each.
        from_logits: Whether `y_pred` holds logits rather than probabilities.
        dtype: Type in which the scores are read.
    """

    def __init__(
        self, y_true, y_pred, sample_weight=None, from_logits=False, dtype="float32"
    ):
        on_arrays = isinstance(y_pred, np.ndarray)
        self.xp = counting_in_numpy if on_arrays else counting_in_keras
        scores = self.xp.cast(y_pred, dtype)
        self._scores = _two_columns(scores, from_logits, self.xp)
        self._from_logits = from_logits
        self._raw_weight = sample_weight
        self.labels, self._known = known_ids(y_true, self.num_classes, self.xp)

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
    def _proper(self):
        """Whether each row holds probabilities, or finite logits, shape `(B,)`."""
        # NaN and infinity fail this comparison too.
        proper = self._row_error <= ROW_SUM_TOLERANCE
        if self._from_logits:
            return proper
        return proper & self.xp.rows_above_zero(self._scores)

    @once
    def _given_weight(self):
        """Weight of each row as given, float64 of shape `(B,)`."""
        ones = self.xp.cast(self.xp.equal(self.labels, self.labels), "float64")
        if self._raw_weight is None:
            return ones
        return ones * flat_weight(self._raw_weight, self.xp)

    @once
    def _weighable(self):
        """Whether each weight is finite and 0 or more."""
        weight = self._given_weight
        return (weight >= 0) & (weight < float("inf"))

    @once
    def valid(self):
        """Whether each row can be judged, shape `(B,)`."""
        valid = self._known & self._proper
        return valid if self._raw_weight is None else valid & self._weighable

    @once
    def _all_valid(self):
        """Whether all rows are known to be valid."""
        return self.xp.is_known_to_hold(self.valid)

    @once
    def weight(self):
        """Weight of each row, 0 where it is not valid, float64 of shape `(B,)`."""
        if self._raw_weight is None:
            return self.xp.cast(self.valid, "float64")
        return self.xp.where(self.valid, self._given_weight, 0.0)

    @once
    def rejected(self):
        """What was left out: weight by three faults and rows by one, `(4,)`.

        Predictions that are not finite, those that are no probabilities, labels that
        are no class, and weights that are none. The first is a fault of the model; the
        others are of its use.
        """
        xp = self.xp
        if self._all_valid:
            return np.zeros(4)
        weight = xp.where(self._weighable, self._given_weight, 0.0)
        finite = self._row_error < float("inf")
        faults = [
            xp.where(finite, 0.0, weight),
            xp.where(finite & ~self._proper, weight, 0.0),
            xp.where(self._known, 0.0, weight),
            xp.where(self._weighable, xp.zeros_like(weight), 1.0),
        ]
        return xp.sum(xp.stack(faults), axis=-1)

    @once
    def scores(self):
        """Logits or probabilities as given, shape `(B, K)`; 0 in rows not valid."""
        return self.xp.where(self.valid[:, None], self._scores, 0.0)

    @once
    def predicted(self):
        """Class of the largest score, the first on ties, int32 of shape `(B,)`."""
        return self.xp.first_largest(self.scores)

    @once
    def correct(self):
        """1.0 where the predicted class is the label, else 0.0, shape `(B,)`."""
        return self.xp.cast(self._top[1], "float64")

    @once
    def _top(self):
        """Largest score of each row, and whether it is the label's."""
        return self.xp.top(self._scores, self.labels)

    @once
    def _softmax(self):
        """What the softmax of logits is made of; see `SoftmaxParts`."""
        return SoftmaxParts(self.scores, self.predicted, self.xp)

    @once
    def probabilities(self):
        """Probabilities, shape `(B, K)`."""
        return self._softmax.probabilities if self._from_logits else self.scores

    @once
    def confidence(self):
        """Largest probability of each row, float64 `(B,)`; 0 in rows not valid."""
        if self._from_logits:
            return self._softmax.confidence
        largest = self.xp.double(self._top[0])
        return largest if self._all_valid else self.xp.where(self.valid, largest, 0.0)

    @once
    def log_odds(self):
        """Log-odds of each class, float64 of shape `(B, K)`."""
        if self._from_logits:
            return self._softmax.log_odds
        return _log_odds(self.probabilities, self.xp)

    @once
    def confidence_log_odds(self):
        """Log-odds of the predicted class, float64 of shape `(B,)`."""
        if self._from_logits:
            return self._softmax.top_log_odds
        return _log_odds(self.confidence, self.xp)

    @property
    def unweighted(self):
        """Whether each row weighs 1, or 0 if it is left out."""
        return self._raw_weight is None

    @once
    def answers(self):
        """Weight, weighted confidence and weighted right answers of each row."""
        weight, confidence, correct = self.weight, self.confidence, self.correct
        if self._all_valid and self._raw_weight is None:
            return [weight, confidence, correct]
        return [weight, weight * confidence, weight * correct]

    @once
    def label_probability(self):
        """Probability of each label, float64 of shape `(B,)`."""
        return self.xp.double(
            self.xp.of_column(self.probabilities, self.labels), subnormal=True
        )

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
            return self._softmax.log_probability(self.labels)
        return self.xp.log(
            self.xp.where(self.label_is_impossible, 1.0, self.label_probability)
        )

    @once
    def squared_distance(self):
        """Squared distance of each row to its one-hot label, shape `(B,)`."""
        squares = self.xp.square(self.xp.cast(self.probabilities, "float64"))
        distance = self.xp.row_sums(squares) + (1 - 2 * self.label_probability)
        return self.xp.maximum(distance, 0.0)


def blocks(y_true, y_pred, sample_weight):
    """Yields arrays in parts of few enough rows to stay in the cache, tensors whole."""
    num_rows = y_pred.shape[0]
    if not isinstance(y_pred, np.ndarray) or num_rows <= BLOCK_ROWS:
        yield y_true, y_pred, sample_weight
        return
    for start in range(0, num_rows, BLOCK_ROWS):
        rows = slice(start, start + BLOCK_ROWS)
        of_each = sample_weight is not None and sample_weight.size > 1
        weight = sample_weight[rows] if of_each else sample_weight
        yield y_true[rows], y_pred[rows], weight


def flat_weight(sample_weight, xp):
    """Returns weights in float64, shape `(B,)` or, of one number, `(1,)`."""
    return xp.double(xp.reshape(sample_weight, (-1,)))


def check_shapes(y_true, y_pred, multi_label=False):
    """Raises `ValueError` unless labels and predictions are real and fit in shape."""
    check_real("y_pred", y_pred)
    if multi_label:
        check_real("y_true", y_true)
        shapes = tuple(y_true.shape), tuple(y_pred.shape)
        unequal = any(
            a != b for a, b in zip(*shapes, strict=False) if None not in (a, b)
        )
        if {len(shape) for shape in shapes} != {2} or unequal:
            raise ValueError(
                "With `multi_label=True`, `y_true` and `y_pred` must have one shape, "
                f"(batch, labels). Received: {shapes[0]} and {shapes[1]}"
            )
        return
    if len(y_pred.shape) not in (1, 2):
        raise ValueError(
            "`y_pred` must have shape (batch, num_classes), or (batch,) or (batch, 1) "
            f"for two classes. Received shape: {tuple(y_pred.shape)}"
        )
    check_labels(y_true, num_classes(y_pred), y_pred.shape[0])


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


def _log_odds(probabilities, xp):
    """Returns `log(p / (1 - p))` in float64, infinite for 0 and 1."""
    odds_against = xp.maximum(1 - probabilities, 0.0) / probabilities
    return -xp.log(xp.cast(odds_against, "float64"))
