"""Checked validation predictions, and what makes them unfit to learn from."""

import dataclasses

import numpy as np

ROW_SUM_TOLERANCE = 1e-2


class NoMinimumError(ValueError):
    """No parameters minimise the loss: it falls as they grow without bound."""


@dataclasses.dataclass(frozen=True)
class ValidationSet:
    """Checked predictions of `n` samples over `K` classes.

    Attributes:
        labels: Class ids, int64 of shape `(n,)`.
        logits: Finite, float64 of shape `(n, K)`.
        weights: Positive, of sum 1, float64 of shape `(n,)`.
        total: How many samples they stand for, the sum of the sample weights.
    """

    labels: np.ndarray
    logits: np.ndarray
    weights: np.ndarray
    total: float

    @property
    def num_classes(self) -> int:
        """Number of columns."""
        return self.logits.shape[1]

    @property
    def present(self) -> np.ndarray:
        """Which classes occur among the labels, booleans of shape `(K,)`."""
        return np.bincount(self.labels, minlength=self.num_classes) > 0

    @property
    def targets(self) -> np.ndarray:
        """The labels as one-hot rows, float64 of shape `(n, K)`."""
        return np.eye(self.num_classes)[self.labels]

    def take(self, rows) -> "ValidationSet":
        """Returns some samples, by index or mask; their weights sum to 1 again."""
        weights = self.weights[rows]
        return ValidationSet(
            self.labels[rows],
            self.logits[rows],
            weights / weights.sum(),
            self.total * weights.sum(),
        )

    def weakness(self) -> str | None:
        """Says why nothing can be learned from these samples, if so."""
        if len(self.labels) == 1:
            return "it holds a single sample"
        if np.sum(self.present) == 1:
            return f"all its labels are of class {self.labels[0]}"
        if np.array_equal(np.argmax(self.logits, axis=1), self.labels):
            return "every prediction is right, so that no finite confidence is best"
        return None


def log_softmax(logits) -> np.ndarray:
    """Returns the logarithm of softmax along the last axis, in the type given.

    >>> log_softmax(np.array([[0.0, 0.0]])).round(4).tolist()
    [[-0.6931, -0.6931]]
    """
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.sum(np.exp(shifted), axis=-1, keepdims=True))


def as_array(name, values) -> np.ndarray:
    """Returns finite numbers of any backend as float64 of rank 2, or raises."""
    values = np.asarray(values)
    if values.dtype.kind not in "fiu" and values.dtype.itemsize != 2:
        raise ValueError(f"`{name}` must be numbers. Received dtype: {values.dtype}")
    values = values.astype("float64")
    values = values[:, None] if values.ndim == 1 else values
    if values.ndim != 2 or 0 in values.shape:
        raise ValueError(
            f"`{name}` must have shape (n, num_classes), or (n, 1) for two classes, "
            f"with one sample or more. Received shape: {values.shape}"
        )
    if not np.all(np.isfinite(values)):
        bad = np.flatnonzero(~np.isfinite(values).all(axis=1))
        raise ValueError(
            f"`{name}` must be finite. Received NaN or infinity in {len(bad)} of "
            f"{len(values)} rows, first in row {bad[0]}."
        )
    return values


def are_probabilities(values) -> bool:
    """Whether all values lie in [0, 1] and all rows of two or more sum to 1."""
    if values.min() < 0 or values.max() > 1:
        return False
    return values.shape[1] > 1 and bool(
        np.all(np.abs(values.sum(axis=1) - 1) < ROW_SUM_TOLERANCE)
    )


def as_labels(y_true, num_samples, num_classes) -> np.ndarray:
    """Returns class ids, int64 of shape `(n,)`, from ids or one-hot rows, or raises."""
    labels = np.asarray(y_true)
    if labels.ndim == 2 and labels.shape[1] == num_classes > 1:
        if np.any(labels.sum(axis=1) != 1) or np.any((labels != 0) & (labels != 1)):
            raise ValueError("`y_true` of shape (n, num_classes) must be one-hot.")
        labels = np.argmax(labels, axis=1)
    labels = labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels
    if labels.shape != (num_samples,) or labels.dtype.kind not in "iufb":
        raise ValueError(
            f"`y_true` must hold a class id for each of the {num_samples} samples, or "
            f"one-hot rows of {num_classes} classes. Received shape "
            f"{np.shape(y_true)} and dtype {labels.dtype}."
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


def as_weights(labels, num_classes, sample_weight=None, class_weight=None):
    """Returns one weight a sample, of sum 1.

    Args:
        labels: Class ids, shape `(n,)`.
        num_classes: Number of classes K.
        sample_weight: Numbers of 0 or more, shape `(n,)`, or `None`.
        class_weight: Numbers of 0 or more, shape `(K,)`; `"balanced"` for the inverse
            of each class' number of samples; or `None`.
    """
    weights = _non_negative("sample_weight", sample_weight, len(labels))
    if isinstance(class_weight, str):
        if class_weight != "balanced":
            raise ValueError(
                "`class_weight` must be 'balanced', one number a class or None. "
                f"Received: {class_weight!r}"
            )
        totals = np.bincount(labels, weights, minlength=num_classes)
        class_weight = np.divide(
            1.0, totals, out=np.zeros(num_classes), where=totals > 0
        )
    weights = weights * _non_negative("class_weight", class_weight, num_classes)[labels]
    if not weights.sum() > 0:
        raise ValueError(
            "`sample_weight` and `class_weight` must leave one sample or more a "
            "weight above 0."
        )
    return weights / weights.sum()


def _non_negative(name, values, length):
    if values is None:
        return np.ones(length)
    values = np.asarray(values, "float64")
    if values.shape != (length,) or not (
        np.all(values >= 0) and np.isfinite(values.sum())
    ):
        raise ValueError(
            f"`{name}` must hold {length} finite numbers of 0 or more. "
            f"Received shape {values.shape}."
        )
    return values
