"""Turns what a user has (labels, probabilities or logits) into checked arrays."""

import dataclasses
import functools

import numpy as np

from keras_refcal.predictions.checks import (
    as_class_ids,
    as_outputs,
    check_probabilities,
    two_columns,
)
from keras_refcal.predictions.chunks import row_chunks
from keras_refcal.predictions.log_odds import LogOdds
from keras_refcal.predictions.rows import given_rows


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
        weights: Above 0, float64 of shape `(n,)`, or `None` for 1 each.
        groups: A value for each sample, shape `(n,)`, or `None`.
        classes: Names of the columns, or `None` for their numbers.
        rows: Which of the rows that came these are, shape `(n,)`; `None` for all.
    """

    labels: np.ndarray
    probabilities: np.ndarray
    log_label_probability: np.ndarray
    logits: np.ndarray | None = None
    weights: np.ndarray | None = None
    groups: np.ndarray | None = None
    classes: tuple | None = None
    rows: np.ndarray | None = None

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
        """Class of the largest score, the first on ties, shape `(n,)`."""
        scores = self.probabilities if self.logits is None else self.logits
        return np.argmax(scores, axis=1)

    @functools.cached_property
    def confidence(self) -> np.ndarray:
        """Largest probability of each row, shape `(n,)`."""
        return _of_label(self.probabilities, self.predicted)

    @functools.cached_property
    def ranking_confidence(self) -> np.ndarray:
        """What orders samples by confidence, shape `(n,)`.

        The log-odds of the predicted class where logits are known, since confidences
        near 1 are rounded to the same number; otherwise the confidence.
        """
        return self.confidence if self.logits is None else self.log_odds.of_predicted

    @functools.cached_property
    def log_odds(self) -> LogOdds:
        """Log-odds of the classes; only where logits are known."""
        return LogOdds(self.logits)

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

    @property
    def total(self) -> float:
        """Sum of the weights; the number of samples where there are none."""
        return self.num_samples if self.weights is None else float(self.weights.sum())

    def take(self, rows: np.ndarray) -> "Predictions":
        """Returns the predictions of some rows, by index or mask."""
        of_rows = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if field.name != "classes"
        }
        if self.rows is None:
            of_rows["rows"] = np.arange(self.num_samples)
        taken = {k: None if v is None else v[rows] for k, v in of_rows.items()}
        return Predictions(**taken, classes=self.classes)


def as_predictions(
    y_true,
    probabilities=None,
    logits=None,
    *,
    sample_weight=None,
    groups=None,
    classes=None,
    ignore_class=None,
) -> Predictions:
    """Checks labels and predictions and brings them into one form.

    Args:
        y_true: Class ids, shape `(n,)` or `(n, 1)`, or one-hot rows `(n, K)`; or
            `Predictions` alone, which are returned as they are.
        probabilities: Rows that sum to 1, shape `(n, K)`; for two classes also the
            probability of class 1, shape `(n,)` or `(n, 1)`. Every sample may be many,
            `(b, h, w, K)` or `(b, t, K)`, with labels, weights and groups of the same
            leading shape.
        logits: In place of `probabilities`, the same shapes; one column is the
            logit of class 1. Their softmax is taken in float64.
        sample_weight: Finite numbers of 0 or more, shape `(n,)`, or `None`. A row of
            weight 0 is as if it had not come.
        groups: A value for each sample, shape `(n,)`, or `None`.
        classes: Names of the K columns, in their order: labels are then among these.
        ignore_class: The label of rows that are as if they had not come.

    Raises:
        ValueError: For no or both of `probabilities` and `logits`, an empty input,
            wrong shapes, NaN or infinity, values that are no probabilities, and
            labels outside `0 .. K - 1`, or not among `classes`.

    >>> found = as_predictions(["b", "?", "a"], [[0.1, 0.9], [0.4, 0.6], [0.3, 0.7]],
    ...                        classes=["a", "b"], ignore_class="?")
    >>> found.labels.tolist(), found.rows.tolist()
    ([1, 0], [0, 2])
    """
    if isinstance(y_true, Predictions) and probabilities is None and logits is None:
        return y_true
    if (probabilities is None) == (logits is None):
        raise ValueError(
            "Pass exactly one of `probabilities` and `logits`. Received: "
            + ("neither." if logits is None else "both.")
        )
    name = "probabilities" if logits is None else "logits"
    outputs = probabilities if logits is None else logits
    given = given_rows(y_true, name, outputs, sample_weight, groups, ignore_class)
    outputs = as_outputs(name, given.outputs)
    if logits is None:
        check_probabilities(name, outputs)
    outputs = two_columns(outputs, from_logits=logits is not None)
    labels = as_class_ids(given.labels, *outputs.shape, classes)
    if logits is None:
        with np.errstate(divide="ignore"):
            log_label = np.log(_of_label(outputs, labels).astype("float64"))
        found = outputs, log_label, None
    else:
        found = *_softmax(outputs, labels), outputs
    classes = None if classes is None else tuple(classes)
    return Predictions(labels, *found, given.weights, given.groups, classes, given.kept)


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
