"""A classifier that abstains where it is not sure enough."""

import warnings
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_refcal.decisions.heads import (
    check_classes,
    check_model,
    checked_probabilities,
    num_classes_of,
    two_columns,
)
from keras_refcal.fitting.thresholds import coverage_threshold, risk_threshold
from keras_refcal.ops.class_groups import checked_groups, disjoint_groups
from keras_refcal.ops.predicted_class import of_predicted_class, predicted_class
from keras_refcal.predictions import as_class_ids
from keras_refcal.predictions.rows import given_rows
from keras_refcal.registration import Configured, serializable
from keras_refcal.types import Tensor
from keras_refcal.validation import check_bool, check_class_counts, check_share

# Above every confidence: all samples are abstained from.
NEVER = 2.0


@serializable
class SelectiveClassifier(Configured, keras.Model):
    """Wraps a classifier; answers where the confidence reaches a threshold.

    `fit_threshold` sets the threshold from validation predictions, such that with a
    probability of at least `confidence_level` (over validation sets) either the share
    of errors among answered samples is at most `target_risk`, or the share of answered
    samples is at least `target_coverage`. Validation samples and those to come must be
    of one distribution. Before that, it abstains always. Pixels of one image are not
    independent: give those of many images.

    Args:
        model: A built model that returns probabilities, shape `(batch, num_classes)`;
            or `(batch, 1)`, the probability of class 1 of two; or of pixels and
            tokens, `(batch, ..., num_classes)`, each of which is answered alone.
        target_risk: Number in (0, 1), or `None`.
        target_coverage: Number in (0, 1), or `None`; exactly one of the two.
        confidence_level: Number in (0, 1).
        class_counts: Training samples of each class. If given, predictions of each
            group of classes have a threshold of their own, and the guarantee holds in
            all groups at once.
        groups: `"shots"` for classes of more than 100, 20 to 100 and fewer than 20
            training samples, `"thirds"` for the largest, middle and smallest third,
            or a mapping of names to class ids, with all others in one group more.
        multi_label: Whether each column of `model` is a label of its own, 0 or 1. Each
            then has a threshold, and the guarantee holds for all labels at once.
        **kwargs: `name`, `dtype` of `keras.Model`.

    Call arguments:
        inputs: What `model` takes.

    Returns:
        A mapping of `"prediction"`, class ids, -1 where it abstains, shape
        `(batch,)`; `"accepted"`, booleans, shape `(batch,)`; and `"probabilities"`,
        what `model` returns, in float32. Leading axes are kept; with `multi_label`
        predictions, 0 or 1, have the shape of the probabilities.

    Raises:
        ValueError: If an argument is not as above, or `model` returns something else
            than probabilities of so many classes.

    Reference:
        [Geifman and El-Yaniv, 2017](https://arxiv.org/abs/1705.08500);
        [Angelopoulos et al., 2021](https://arxiv.org/abs/2110.01052).

    Example:

    >>> import keras
    >>> import numpy as np
    >>> from keras_refcal.decisions import SelectiveClassifier
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Softmax()])
    >>> selective = SelectiveClassifier(model, target_coverage=0.5)
    >>> x = np.stack([np.zeros(100), np.linspace(0, 3, 100)], axis=1)
    >>> selective = selective.fit_threshold(np.ones(100), model.predict(x, verbose=0))
    >>> selective.predict(np.array([[0.0, 0.1], [0.0, 3.0]]), verbose=0)["prediction"]
    array([-1,  1], dtype=int32)
    """

    def __init__(
        self,
        model: keras.Model,
        target_risk: float | None = None,
        target_coverage: float | None = None,
        confidence_level: float = 0.95,
        class_counts: Tensor | None = None,
        groups: str | Mapping = "shots",
        multi_label: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        check_bool("multi_label", multi_label)
        if multi_label and class_counts is not None:
            raise ValueError(
                "`class_counts` have no meaning with `multi_label=True`, where every "
                "label has a threshold of its own."
            )
        if (target_risk is None) == (target_coverage is None):
            raise ValueError(
                "Give exactly one of `target_risk` and `target_coverage`. Received: "
                f"target_risk={target_risk!r}, target_coverage={target_coverage!r}"
            )
        for name, value in (
            ("target_risk", target_risk),
            ("target_coverage", target_coverage),
            ("confidence_level", confidence_level),
        ):
            if value is not None:
                check_share(name, value)
        shape = _output_shape(model)
        check_model(model, shape, type(self).__name__, multi_label)
        self.multi_label = multi_label
        self.model = model
        self.target_risk = target_risk
        self.target_coverage = target_coverage
        self.confidence_level = confidence_level
        columns = 1 if len(shape) == 1 else shape[-1]
        self.num_classes = columns if multi_label else num_classes_of(shape)
        self.groups = checked_groups(groups, disjoint=True)
        self.class_counts = None
        if class_counts is not None:
            self.class_counts = check_class_counts(class_counts)
            if len(self.class_counts) != self.num_classes:
                raise ValueError(
                    f"`class_counts` must hold {self.num_classes} numbers. "
                    f"Received: {len(self.class_counts)}"
                )
        self.thresholds = self.add_weight(
            name="thresholds",
            shape=(self.num_classes,),
            initializer=keras.initializers.Constant(NEVER),
            dtype="float32",
            trainable=False,
            autocast=False,
        )

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Has nothing to create: `model` is built."""
        self.built = True

    def call(self, inputs: Tensor, training: Any = None) -> Any:
        """Returns predictions, which are accepted, and probabilities."""
        probabilities = ops.cast(self.model(inputs, training=training), "float32")
        if self.multi_label:
            predicted = ops.cast(probabilities > 0.5, "int32")
            confidence = ops.maximum(probabilities, 1 - probabilities)
            accepted = confidence >= self.thresholds
        else:
            check_classes(probabilities.shape, self.num_classes)
            predicted, accepted = self._answers(two_columns(probabilities))
        return {
            "prediction": ops.where(accepted, predicted, -1),
            "accepted": accepted,
            "probabilities": probabilities,
        }

    def fit_threshold(
        self, y_true: Tensor, probabilities: Tensor, ignore_class: int | None = None
    ) -> Any:
        """Sets the thresholds from validation predictions.

        A group for which no threshold can be shown to keep `target_risk` is abstained
        from always, with a `UserWarning`.

        Args:
            y_true: Class ids, shape `(n,)` or `(n, 1)`, or one-hot rows; with
                `multi_label`, zeros and ones, `(n, num_classes)`.
            probabilities: What the wrapped model predicts for samples that it was not
                trained or calibrated on, shape `(n, num_classes)`; for two classes
                also `(n,)` or `(n, 1)`, the probability of class 1. Or pixels and
                tokens, `(n, ..., num_classes)`, with labels of the leading shape.
            ignore_class: Label of the samples to leave out, or `None`. There are no
                weights: the exact tests count samples.

        Returns:
            The model.

        Raises:
            ValueError: If the labels or the probabilities are not what they must be.
        """
        given = given_rows(
            y_true,
            "probabilities",
            ops.convert_to_numpy(probabilities),
            ignore_class=None if self.multi_label else ignore_class,
        )
        parts = self._parts(given.labels, given.outputs, ignore_class)
        failure = (1 - self.confidence_level) / len(parts)
        thresholds = np.full(self.num_classes, NEVER, "float32")
        for name, (members, confidence, correct) in parts.items():
            found = self._threshold(confidence, correct, failure)
            if found is None:
                warnings.warn(
                    f"No threshold can be shown to keep `target_risk` "
                    f"{self.target_risk:g} for predictions of {name} with "
                    f"{len(correct)} validation samples: it abstains there always.",
                    UserWarning,
                    stacklevel=2,
                )
            else:
                thresholds[members] = found
        self.thresholds.assign(thresholds)
        return self

    def _answers(self, probabilities):
        """Returns predicted classes, and which are accepted, of the leading shape."""
        rows = ops.reshape(probabilities, (-1, self.num_classes))
        predicted = predicted_class(rows)
        threshold = of_predicted_class(self.thresholds, predicted)
        accepted = ops.max(rows, axis=-1) >= threshold
        if len(probabilities.shape) == 2:
            return predicted, accepted
        leading = ops.shape(probabilities)[:-1]
        return ops.reshape(predicted, leading), ops.reshape(accepted, leading)

    def _parts(self, y_true, probabilities, ignore_class):
        """Returns what has a threshold of its own, by name.

        Each has the classes or labels it is the threshold of, and the confidence and
        correctness of its samples.
        """
        if self.multi_label:
            return self._labels(y_true, probabilities, ignore_class)
        values = checked_probabilities(probabilities)
        check_classes(values.shape, self.num_classes)
        labels = as_class_ids(y_true, *values.shape)
        predicted, confidence = np.argmax(values, axis=1), values.max(axis=1)
        correct = predicted == labels
        return {
            f"{name} classes": (
                members,
                confidence[members[predicted]],
                correct[members[predicted]],
            )
            for name, members in self._groups().items()
        }

    def _labels(self, y_true, probabilities, ignore_class):
        columns = probabilities.reshape(len(probabilities), -1)
        labels = y_true.reshape(len(y_true), -1)
        if columns.shape[1] != self.num_classes or labels.shape != columns.shape:
            raise ValueError(
                "With `multi_label=True`, `y_true` and `probabilities` must have shape "
                f"(n, {self.num_classes}). Received: {labels.shape} and "
                f"{columns.shape}"
            )
        parts = {}
        for number in range(self.num_classes):
            kept = labels[:, number] != ignore_class
            values = checked_probabilities(columns[kept, number])
            ids = as_class_ids(labels[kept, number], *values.shape)
            correct = np.argmax(values, axis=1) == ids
            parts[f"label {number}"] = [number], values.max(axis=1), correct
        return parts

    def _groups(self):
        if self.class_counts is None:
            return {"all": np.ones(self.num_classes, bool)}
        return disjoint_groups(self.class_counts, self.groups)

    def _threshold(self, confidence, correct, failure):
        if self.target_coverage is not None:
            return coverage_threshold(confidence, self.target_coverage, failure)
        classes = 2 if self.multi_label else self.num_classes
        return risk_threshold(confidence, correct, self.target_risk, failure, classes)


def _output_shape(model):
    if not isinstance(model, keras.Model):
        raise ValueError(f"`model` must be a keras.Model. Received: {model!r}")
    outputs = getattr(model, "outputs", None)
    if outputs:
        if len(outputs) > 1:
            raise ValueError(
                "`model` must return probabilities alone. It returns "
                f"{len(outputs)} outputs: make a `keras.Model` of the right one."
            )
        return outputs[0].shape
    classes = getattr(model, "num_classes", None)
    if classes is None or classes < 2:
        raise ValueError(
            "`model` must be built and return probabilities of 2 classes or more, "
            f"shape (batch, num_classes). Received: {model!r} with {classes} classes."
        )
    return (None, int(classes))
