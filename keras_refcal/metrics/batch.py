"""One batch of predictions in the form that all metrics count from."""

import functools

from keras import ops

from keras_refcal.ops.labels import class_ids
from keras_refcal.validation import check_labels

# Half-precision rows of many classes still count as probabilities.
ROW_SUM_TOLERANCE = 1e-2


class Batch:
    """Predictions, labels and weights; what is derived from them is computed once.

    Shapes: B rows, K classes. A row whose prediction is not finite, whose
    probabilities are none (below 0, or not summing to 1 within 0.01), or whose label
    is no class, has weight 0 and is counted in `rejected`.

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
        self._scores = _two_columns(ops.cast(y_pred, dtype), from_logits)
        self._from_logits = from_logits
        y_true = ops.convert_to_tensor(y_true)
        check_labels(y_true, self._scores)
        if len(y_true.shape) == 2 and y_true.shape[1] not in (1, self.num_classes):
            check_labels(y_true, self._scores, self.num_classes)
        self._raw_labels = class_ids(y_true)
        self._raw_weight = sample_weight

    @property
    def num_classes(self) -> int:
        """Number of classes, K."""
        return self._scores.shape[1]

    @functools.cached_property
    def _finite(self):
        return ops.all(ops.isfinite(self._scores), axis=-1)

    @functools.cached_property
    def valid(self):
        """Whether each row can be judged, shape `(B,)`."""
        labels = self._raw_labels
        proper = ops.logical_and(labels >= 0, labels < self.num_classes)
        if self._from_logits:
            return ops.logical_and(proper, self._finite)
        # NaN and infinity fail these comparisons too.
        off = ops.abs(ops.sum(self._scores, axis=-1) - 1)
        proper = ops.logical_and(proper, off <= ROW_SUM_TOLERANCE)
        return ops.logical_and(proper, ops.min(self._scores, axis=-1) >= 0)

    @functools.cached_property
    def _given_weight(self):
        dtype = self._scores.dtype
        if self._raw_weight is None:
            return ops.ones_like(self._scores[:, 0])
        weight = ops.reshape(ops.cast(self._raw_weight, dtype), (-1,))
        return ops.broadcast_to(weight, ops.shape(self._scores)[:1])

    @functools.cached_property
    def weight(self):
        """Weight of each row, 0 where it is not valid, shape `(B,)`."""
        return ops.where(self.valid, self._given_weight, 0.0)

    @functools.cached_property
    def rejected(self):
        """Weight of rows that are not finite, and of other bad rows, shape `(2,)`."""
        lost = self._given_weight - self.weight
        not_finite = ops.sum(ops.where(self._finite, 0.0, lost))
        return ops.stack([not_finite, ops.sum(lost) - not_finite])

    @functools.cached_property
    def labels(self):
        """Class ids, shape `(B,)`; 0 in rows that are not valid."""
        return ops.where(self.valid, self._raw_labels, 0)

    @functools.cached_property
    def scores(self):
        """Logits or probabilities as given, shape `(B, K)`; 0 in rows not valid."""
        return ops.where(self.valid[:, None], self._scores, 0.0)

    @functools.cached_property
    def probabilities(self):
        """Probabilities, shape `(B, K)`."""
        return ops.softmax(self.scores) if self._from_logits else self.scores

    @functools.cached_property
    def confidence(self):
        """Largest probability of each row, shape `(B,)`."""
        return ops.max(self.probabilities, axis=-1)

    @functools.cached_property
    def correct(self):
        """1.0 where the predicted class is the label, else 0.0, shape `(B,)`."""
        predicted = ops.argmax(self.scores, axis=-1)
        hits = ops.equal(ops.cast(predicted, "int32"), self.labels)
        return ops.cast(hits, self.confidence.dtype)


def _two_columns(scores, from_logits):
    """Returns scores of shape `(B, K)`, K of 2 or more."""
    if len(scores.shape) == 1:
        scores = scores[:, None]
    if len(scores.shape) != 2:
        raise ValueError(
            "`y_pred` must have shape (batch, num_classes), or (batch,) or (batch, 1) "
            f"for two classes. Received shape: {tuple(scores.shape)}"
        )
    if scores.shape[1] != 1:
        return scores
    other = ops.zeros_like(scores) if from_logits else 1 - scores
    return ops.concatenate([other, scores], axis=-1)
