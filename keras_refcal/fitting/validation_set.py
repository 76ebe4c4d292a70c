"""Checked validation predictions, and what makes them unfit to learn from."""

import dataclasses
import functools

import numpy as np

from keras_refcal.fitting.temperature import (
    BestTemperature,
    best_temperature,
    margins,
    scaled_loss,
)
from keras_refcal.predictions import as_weights


@dataclasses.dataclass(frozen=True)
class ValidationSet:
    """Checked predictions of `n` samples over `K` classes.

    Attributes:
        labels: Class ids, int64 of shape `(n,)`.
        logits: Finite, float64 of shape `(n, K)`.
        weights: Positive, of sum 1, float64 of shape `(n,)`.
    """

    labels: np.ndarray
    logits: np.ndarray
    weights: np.ndarray

    @property
    def num_classes(self) -> int:
        """Number of columns."""
        return self.logits.shape[1]

    @property
    def present(self) -> np.ndarray:
        """Which classes occur among the labels, booleans of shape `(K,)`."""
        return np.bincount(self.labels, minlength=self.num_classes) > 0

    @property
    def samples(self) -> float:
        """The effective number of samples: n for equal weights, of whatever scale."""
        return float(1 / (self.weights @ self.weights))

    @functools.cached_property
    def best(self) -> BestTemperature:
        """The best temperature of these predictions."""
        return best_temperature(self._blocks(), self.samples)

    @property
    def loss(self) -> float:
        """The weighted mean of `-log softmax(logits)_y`, in nats."""
        return scaled_loss(self._blocks(), 1.0)[0]

    def _blocks(self):
        return [(*margins(self.logits, self.labels), self.weights)]

    def take(self, rows) -> "ValidationSet":
        """Returns some samples, by index or mask; their weights sum to 1 again."""
        weights = self.weights[rows]
        return ValidationSet(
            self.labels[rows], self.logits[rows], weights / weights.sum()
        )

    def of_present(self) -> "ValidationSet":
        """Returns the samples without the columns of classes that never occur."""
        present = self.present
        if present.all():
            return self
        places = np.cumsum(present) - 1
        return ValidationSet(places[self.labels], self.logits[:, present], self.weights)

    def weakness(self) -> str | None:
        """Says why nothing can be learned from these samples, if so."""
        if len(self.labels) == 1:
            return "it holds a single sample"
        if np.sum(self.present) == 1:
            return f"all its labels are of class {self.labels[0]}"
        return None


def log_softmax(logits) -> np.ndarray:
    """Returns the logarithm of softmax along the last axis, in the type given.

    >>> log_softmax(np.array([[0.0, 0.0]])).round(4).tolist()
    [[-0.6931, -0.6931]]
    """
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.sum(np.exp(shifted), axis=-1, keepdims=True))


def label_probabilities(logits, labels) -> np.ndarray:
    """Returns the probability that the softmax of logits gives each label."""
    of_label = log_softmax(logits)[np.arange(len(labels)), labels]
    return np.exp(of_label)


def folds_of(labels, folds, seed=0) -> np.ndarray:
    """Returns the fold of each sample, 0 to `folds - 1`, every class spread evenly.

    Args:
        labels: Class ids, shape `(n,)`.
        folds: Whole number.
        seed: Seed of the order within a class.

    >>> np.sort(folds_of(np.array([0, 0, 1, 1]), 2)[:2]).tolist()
    [0, 1]
    """
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    order = shuffled[np.argsort(labels[shuffled], kind="stable")]
    fold = np.empty(len(labels), "int64")
    fold[order] = np.arange(len(labels)) % folds
    return fold


def mean_and_error(values, weights) -> tuple[float, float]:
    """Returns the weighted mean of values and its standard error.

    Args:
        values: Shape `(n,)`.
        weights: Of any sum above 0, shape `(n,)`.
    """
    shares = weights / weights.sum()
    mean = float(shares @ values)
    return mean, float(np.sqrt(shares**2 @ (values - mean) ** 2))


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
    # Of the largest, so that neither sums nor squares leave the range of floats.
    weights = weights / max(weights.max(initial=0.0), np.finfo("float64").tiny)
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
