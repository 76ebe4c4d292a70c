"""The data that a `RefCalModel` is given, looked at once before the first step.

A compiled step cannot read labels. So arrays are looked at wholly before it, and of a
data set that can be read again (`tf.data`, `PyDataset`) the first batch; a generator is
left alone. What is looked at keeps to the rules of the losses, with their messages.
"""

import inspect

import keras
import numpy as np

from keras_refcal.backend import concrete_value
from keras_refcal.losses import SimCLRLoss
from keras_refcal.losses.base import FloatLoss
from keras_refcal.ops.labels import are_labels
from keras_refcal.predictions import as_weights
from keras_refcal.validation import (
    check_indices,
    check_label_shape,
    is_class_ids,
    refuse_labels,
)


class GivenData:
    """`fit`, `evaluate` and the steps on one batch; they look at labels first."""

    def fit(self, *args, **kwargs):
        """See `keras.Model`; labels and weights are checked before the first step.

        `class_weight` goes by the label where `y` is an array of label and index.

        Raises:
            ValueError: For labels that are no class ids or probabilities, or weights
                that are negative or not finite, where a loss of this package reads
                them; for `class_weight` with a data set of labels and indices.
        """
        bound = inspect.signature(keras.Model.fit).bind(self, *args, **kwargs)
        given = {k: v for k, v in bound.arguments.items() if k != "self"}
        x, y, weight = (given.get(k) for k in ("x", "y", "sample_weight"))
        self._look_at(x, y, weight)
        validation = given.get("validation_data")
        if validation is not None:
            if not isinstance(validation, tuple | list):
                validation = (validation,)
            try:
                self._look_at(*keras.utils.unpack_x_y_sample_weight(tuple(validation)))
            except ValueError as error:
                raise ValueError(f"`validation_data`: {error}") from None
        if given.get("class_weight") is not None and self._reads_index():
            _check_class_weight(y, weight, given.get("validation_split"))
            given["sample_weight"] = _weights_of_classes(y, given.pop("class_weight"))
        return super().fit(**given)

    def evaluate(
        self,
        x=None,
        y=None,
        batch_size=None,
        verbose="auto",
        sample_weight=None,
        *args,
        **kwargs,
    ):
        """See `keras.Model`; labels and weights are checked before the first step."""
        if not kwargs.get("_use_cached_eval_dataset"):  # which `fit` looked at
            self._look_at(x, y, sample_weight)
        return super().evaluate(
            x, y, batch_size, verbose, sample_weight, *args, **kwargs
        )

    def train_on_batch(
        self, x, y=None, sample_weight=None, class_weight=None, **kwargs
    ):
        """See `keras.Model`; labels and weights are checked first."""
        self._look_at(x, concrete_value(y), sample_weight)
        if class_weight is not None and self._reads_index():
            _check_class_weight(y, sample_weight)
            sample_weight = _weights_of_classes(y, class_weight)
            class_weight = None
        return super().train_on_batch(x, y, sample_weight, class_weight, **kwargs)

    def test_on_batch(self, x, y=None, sample_weight=None, **kwargs):
        """See `keras.Model`; labels and weights are checked first."""
        self._look_at(x, concrete_value(y), sample_weight)
        return super().test_on_batch(x, y, sample_weight, **kwargs)

    def _reads_index(self):
        return self._refcal_loss is not None and self._refcal_loss.needs_index

    def _look_at(self, x, y, sample_weight):
        if self._refcal_loss is None:
            return
        if y is None:
            x, y, sample_weight = _first_batch(x)
        if hasattr(y, "shape"):
            _check(self._refcal_loss, self.num_classes, y, sample_weight)


def _first_batch(data):
    """Returns a batch of data that can be read again, `None` thrice for other data."""
    batch = (None, None, None)
    if isinstance(data, keras.utils.PyDataset):
        batch = data[0]
    elif hasattr(data, "element_spec") and hasattr(data, "take"):
        batch = next(iter(data.take(1)), batch)
    return keras.utils.unpack_x_y_sample_weight(batch)


def _check(loss, num_classes, y, sample_weight):
    """Raises `ValueError` unless labels and weights are what a loss takes."""
    readers = [term for name, term in loss.terms.items() if _reads_classes(name, term)]
    if not readers:
        return
    labels = keras.ops.convert_to_numpy(y)
    if loss.needs_index and labels.ndim == 2 and labels.shape[1] > 1:
        labels, index = labels[:, :-1], labels[:, -1]
        for term in loss.terms.values():
            if getattr(term, "needs_index", False):
                check_indices(index, term.num_samples)
    check_label_shape(labels, labels, num_classes)
    matters = np.ones(len(labels), bool)
    if sample_weight is not None:
        weights = keras.ops.convert_to_numpy(sample_weight)
        matters = as_weights("sample_weight", weights, len(labels)) > 0
    if is_class_ids(labels):
        labels = labels.reshape(-1)
        matters &= ~np.isin(labels, [loss.ignore_class, *_ignored_by(readers)])
    labels = labels[matters]
    wrong = ~are_labels(labels, num_classes, xp=np)
    if np.any(wrong):
        refuse_labels(labels, wrong, num_classes, loss.ignore_class)


def _reads_classes(name, term):
    """Whether a term reads class labels; one of another package, if it sees logits."""
    if isinstance(term, FloatLoss):
        return not isinstance(term, SimCLRLoss)
    return name != "refinement"


def _ignored_by(terms):
    """Returns the label that all terms leave out, in a list, if there is one."""
    ignored = {getattr(term, "ignore_class", None) for term in terms}
    return ignored if len(ignored) == 1 else []


def _check_class_weight(y, sample_weight, validation_split=None):
    """Raises `ValueError` where weights of classes cannot go by the label alone."""
    if sample_weight is not None:
        raise ValueError(
            "`sample_weight` and `class_weight` cannot be given at the same time."
        )
    if not hasattr(y, "shape") or validation_split:
        raise ValueError(
            "`class_weight` with labels that carry the index of the sample needs "
            "arrays and no `validation_split`. Give `sample_weight` instead, for "
            "example `data.sampling.class_weights(counts)[labels]`."
        )


def _weights_of_classes(y, class_weight):
    """Returns a weight for each row of label and index, shape `(n,)`."""
    rows = keras.ops.convert_to_numpy(y)
    labels = rows[:, 0] if rows.shape[1] == 2 else np.argmax(rows[:, :-1], axis=1)
    return np.array([class_weight.get(int(x), 1.0) for x in labels], "float32")
