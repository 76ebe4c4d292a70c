"""Turns what a user has (labels, probabilities or logits) into checked arrays."""

import dataclasses
import functools

import numpy as np

# Rounded rows still count as probabilities; bfloat16 has two to three digits.
ROW_SUM_TOLERANCE, HALF_PRECISION_TOLERANCE = 1e-3, 1e-2
CHUNK_VALUES = 2**22


@dataclasses.dataclass(frozen=True)
class Predictions:
    """Checked predictions of `n` samples over `K` classes.

    Attributes:
        labels: Class ids, int64 of shape `(n,)`.
        probabilities: float32 or float64 of shape `(n, K)`, rows sum to 1.
        log_label_probability: Log-probability of each label, float64 of shape
            `(n,)`: from logits by log-softmax, from probabilities directly, so that
            a probability of 0 gives minus infinity.
        logits: The logits, shape `(n, K)`, or `None` if probabilities came.
    """

    labels: np.ndarray
    probabilities: np.ndarray
    log_label_probability: np.ndarray
    logits: np.ndarray | None = None

    @property
    def num_samples(self) -> int:
        """Number of rows."""
        return self.probabilities.shape[0]

    @property
    def num_classes(self) -> int:
        """Number of columns."""
        return self.probabilities.shape[1]

    @functools.cached_property
    def predicted(self) -> np.ndarray:
        """Class of the largest probability, the first on ties, shape `(n,)`."""
        return np.argmax(self.probabilities, axis=1)

    @functools.cached_property
    def confidence(self) -> np.ndarray:
        """Largest probability of each row, shape `(n,)`."""
        return _of_label(self.probabilities, self.predicted)

    @functools.cached_property
    def correct(self) -> np.ndarray:
        """Whether the predicted class is the label, bool of shape `(n,)`."""
        return self.predicted == self.labels

    @functools.cached_property
    def label_probability(self) -> np.ndarray:
        """Probability of each label, shape `(n,)`."""
        return _of_label(self.probabilities, self.labels)

    @functools.cached_property
    def class_totals(self) -> np.ndarray:
        """Number of samples of each class, shape `(K,)`."""
        return np.bincount(self.labels, minlength=self.num_classes)

    def take(self, rows: np.ndarray) -> "Predictions":
        """Returns the predictions of some rows, by index or mask."""
        return Predictions(
            self.labels[rows],
            self.probabilities[rows],
            self.log_label_probability[rows],
            None if self.logits is None else self.logits[rows],
        )


def as_predictions(y_true, probabilities=None, logits=None) -> Predictions:
    """Checks labels and predictions and brings them into one form.

    Args:
        y_true: Class ids, shape `(n,)` or `(n, 1)`, or one-hot rows `(n, K)`; or
            `Predictions` alone, which are returned as they are.
        probabilities: Rows that sum to 1, shape `(n, K)`; for two classes also the
            probability of class 1, shape `(n,)` or `(n, 1)`.
        logits: In place of `probabilities`, the same shapes; one column is the
            logit of class 1. Their softmax is taken in float64.

    Raises:
        ValueError: For no or both of `probabilities` and `logits`, an empty input,
            wrong shapes, NaN or infinity, values that are no probabilities, and
            labels outside `0 .. K - 1`.
    """
    if isinstance(y_true, Predictions) and probabilities is None and logits is None:
        return y_true
    if (probabilities is None) == (logits is None):
        raise ValueError(
            "Pass exactly one of `probabilities` and `logits`. Received: "
            + ("neither." if logits is None else "both.")
        )
    if logits is None:
        probabilities = np.asarray(probabilities)
        scores = _two_dimensional("probabilities", probabilities)
        half_precision = probabilities.dtype.itemsize <= 2
        _check_rows(
            scores, HALF_PRECISION_TOLERANCE if half_precision else ROW_SUM_TOLERANCE
        )
        scores = np.hstack([1 - scores, scores]) if scores.shape[1] == 1 else scores
        labels = _class_ids(y_true, *scores.shape)
        with np.errstate(divide="ignore"):
            log_label = np.log(_of_label(scores, labels).astype("float64"))
        return Predictions(labels, scores, log_label)
    scores = _two_dimensional("logits", logits)
    _check_finite("logits", scores)
    scores = (
        np.hstack([np.zeros_like(scores), scores]) if scores.shape[1] == 1 else scores
    )
    labels = _class_ids(y_true, *scores.shape)
    return Predictions(labels, *_softmax(scores, labels), scores)


def row_chunks(array: np.ndarray):
    """Yields slices of rows that hold a few million values each."""
    step = max(1, CHUNK_VALUES // max(1, array.shape[1]))
    for start in range(0, array.shape[0], step):
        yield slice(start, start + step)


def _two_dimensional(name, values):
    values = np.asarray(values)
    if values.dtype not in (np.float32, np.float64):
        low_precision = values.dtype.kind in "fV" and values.dtype.itemsize <= 2
        try:
            values = values.astype("float32" if low_precision else "float64")
        except (TypeError, ValueError):
            raise ValueError(
                f"`{name}` must be numbers. Received dtype: {values.dtype}"
            ) from None
    values = values[:, None] if values.ndim == 1 else values
    if values.ndim != 2 or values.shape[1] == 0:
        raise ValueError(
            f"`{name}` must have shape (n, num_classes), or (n,) for two classes. "
            f"Received shape: {values.shape}"
        )
    if values.shape[0] == 0:
        raise ValueError(f"`{name}` must hold one sample or more. Received: 0.")
    return values


def _check_finite(name, values, row_sums=None):
    if row_sums is None:
        row_sums = np.concatenate([values[c].sum(axis=1) for c in row_chunks(values)])
    if np.all(np.isfinite(row_sums)):
        return
    suspects = np.flatnonzero(~np.isfinite(row_sums))
    bad = suspects[~np.isfinite(values[suspects]).all(axis=1)]
    if bad.size:
        raise ValueError(
            f"`{name}` must be finite. Received NaN or infinity in {bad.size} of "
            f"{values.shape[0]} rows, first in row {bad[0]}."
        )


def _check_rows(values, tolerance):
    row_sums = values @ np.ones(values.shape[1], values.dtype)
    _check_finite("probabilities", values, row_sums)
    low, high = values.min(), 1.0
    if row_sums.max() > 1 + tolerance or low < 0:
        high = values.max()  # no value of 0 or more exceeds the sum of its row
    if low < 0 or high > 1 + tolerance:
        raise ValueError(
            f"`probabilities` must lie in [0, 1]. Received values from {low:g} to "
            f"{high:g}. If these are logits, pass them as `logits=`."
        )
    off = np.abs(row_sums - 1)
    worst = int(np.argmax(off))
    if values.shape[1] > 1 and off[worst] > tolerance:
        raise ValueError(
            f"Rows of `probabilities` must sum to 1 within {tolerance}. "
            f"Received: {np.sum(off > tolerance)} rows that do not; row "
            f"{worst} sums to {row_sums[worst]:g}. If these are logits, pass them as "
            "`logits=`; otherwise divide each row by its sum first."
        )


def _class_ids(y_true, num_samples, num_classes):
    labels = np.asarray(y_true)
    if labels.ndim == 0 or labels.shape[0] != num_samples or labels.dtype.kind in "OSU":
        raise ValueError(
            f"`y_true` must hold a label for each of the {num_samples} predictions. "
            f"Received shape {labels.shape} and dtype {labels.dtype}."
        )
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim == 2 and labels.shape[1] == num_classes:
        return _ids_of_one_hot(labels)
    if labels.ndim != 1:
        raise ValueError(
            "`y_true` must have shape (n,), (n, 1) or (n, num_classes) with "
            f"num_classes={num_classes}. Received shape: {labels.shape}"
        )
    ids = labels.astype("int64") if np.all(np.isfinite(labels)) else None
    if ids is None or np.any(ids != labels):
        raise ValueError("`y_true` must hold whole numbers (class ids).")
    if ids.min() < 0 or ids.max() >= num_classes:
        raise ValueError(
            f"`y_true` must hold class ids from 0 to {num_classes - 1}. "
            f"Received ids from {ids.min()} to {ids.max()}."
        )
    return ids


def _ids_of_one_hot(rows):
    ids = np.argmax(rows, axis=1)
    if np.any((rows != 0) & (rows != 1)) or np.any(rows.sum(axis=1) != 1):
        raise ValueError(
            "`y_true` of shape (n, num_classes) must be one-hot: a single 1 in each "
            "row, otherwise 0."
        )
    return ids


def _of_label(scores, labels):
    return scores[np.arange(len(labels)), labels]


def _softmax(logits, labels):
    probabilities = np.empty(logits.shape, "float64")
    log_label = np.empty(len(labels), "float64")
    for rows in row_chunks(logits):
        shifted = logits[rows].astype("float64")
        shifted -= shifted.max(axis=1, keepdims=True)
        log_label[rows] = _of_label(shifted, labels[rows])
        block = np.exp(shifted, out=probabilities[rows])
        total = block.sum(axis=1, keepdims=True)
        block /= total
        log_label[rows] -= np.log(total[:, 0])
    return probabilities, log_label
