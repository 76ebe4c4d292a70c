"""Checked validation predictions, and what makes them unfit to learn from."""

import dataclasses

import numpy as np

from keras_refcal.predictions import as_weights


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


def sample_shares(labels, num_classes, sample_weight=None, class_weight=None):
    """Returns one weight a sample, of sum 1.

    Args:
        labels: Class ids, shape `(n,)`.
        num_classes: Number of classes K.
        sample_weight: Numbers of 0 or more, shape `(n,)`, or `None`.
        class_weight: Numbers of 0 or more, shape `(K,)`; `"balanced"` for the inverse
            of each class' number of samples; or `None`.
    """
    weights = as_weights("sample_weight", sample_weight, len(labels))
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
    weights = weights * as_weights("class_weight", class_weight, num_classes)[labels]
    if not weights.sum() > 0:
        raise ValueError(
            "`sample_weight` and `class_weight` must leave one sample or more a "
            "weight above 0."
        )
    return weights / weights.sum()
