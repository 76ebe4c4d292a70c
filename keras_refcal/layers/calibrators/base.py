"""What all post-hoc calibrators share: checked fitting, attaching, saving."""

import warnings

import keras
import numpy as np
from keras import ops

from keras_refcal.fitting.validation_set import (
    NoMinimumError,
    ValidationSet,
    sample_shares,
)
from keras_refcal.layers.calibrators.attaching import attached_model, returns_logits
from keras_refcal.ops.labels import MIN_PROBABILITY, log_probabilities
from keras_refcal.predictions import (
    are_probabilities,
    as_class_ids,
    as_scores,
    check_probabilities,
    two_columns,
)

ROWS_AT_ONCE = 4096
# Of the comparison with the identity: what rounding to float32 may add, in nats.
ROUNDING = 1e-6


class Calibrator(keras.layers.Layer):
    """Base of the post-hoc calibrators: a layer from scores to probabilities.

    It is fitted on validation predictions, not trained: its numbers are non-trainable
    weights, saved with the model. Before `fit` it is the identity (softmax of logits,
    or the probabilities themselves).

    Subclasses define `build_state(num_classes)`, `calibrate(logits)` and
    `fit_state(data)`, which returns the values of the weights in their order.

    Args:
        from_logits: Whether the scores are logits; otherwise they are probabilities,
            which are read as logits by their logarithm.
        **kwargs: `name`, `dtype` of `keras.layers.Layer`. Whatever the `dtype`, the
            layer computes in float32.

    Call arguments:
        inputs: Scores, shape `(batch, num_classes)`; for two classes also
            `(batch, 1)`, the logit or probability of class 1.

    Returns:
        Probabilities of the shape of the inputs, float32.
    """

    # Whether a constant added to a row of logits changes the output.
    depends_on_shift = False

    def __init__(self, from_logits=True, **kwargs):
        super().__init__(autocast=False, **kwargs)
        if not isinstance(from_logits, bool):
            raise ValueError(
                f"`from_logits` must be True or False. Received: {from_logits!r}"
            )
        self.from_logits = from_logits

    def build(self, input_shape):
        """Creates the weights of the identity."""
        columns = input_shape[-1]
        if columns is None or len(input_shape) != 2:
            raise ValueError(
                "The inputs of a calibrator must have shape (batch, num_classes) with "
                f"a known number of classes. Received shape: {tuple(input_shape)}"
            )
        self.single_column = columns == 1
        self.num_classes = max(2, columns)
        self.build_state(self.num_classes)

    def call(self, inputs):
        """Returns calibrated probabilities."""
        self._check_columns("inputs", inputs)
        logits = self._as_logits(ops.cast(inputs, "float32"))
        probabilities = self.calibrate(logits)
        return probabilities[:, 1:] if self.single_column else probabilities

    def fit(self, y_true, logits, sample_weight=None, class_weight=None):
        """Fits the calibrator to validation predictions.

        The mean negative log-likelihood on these predictions is never worse than
        before calibration. Where nothing can be learned (a single sample, labels of
        one class, every prediction right, no finite optimum) or the fitted calibrator
        would be worse, it becomes the identity, with a `UserWarning` that says why.

        Args:
            y_true: Class ids, shape `(n,)` or `(n, 1)`, or one-hot rows
                `(n, num_classes)`.
            logits: What the layer takes, `(n, num_classes)`: logits, or
                probabilities if `from_logits=False`. They must not be those that the
                classifier was trained on.
            sample_weight: Numbers of 0 or more, shape `(n,)`. Weight 0 equals
                absence.
            class_weight: One number a class; or `"balanced"`, the inverse of each
                class' number of validation samples: fits for test data whose classes
                are equally frequent, where the validation data are long-tailed.

        Returns:
            The layer.

        Raises:
            ValueError: If an argument does not fit, or values are not finite.
        """
        data = self._checked(y_true, logits, sample_weight, class_weight)
        weakness = data.weakness()
        if weakness is None:
            try:
                state = self.fit_state(data)
            except NoMinimumError as error:
                weakness = str(error)
        if weakness is not None:
            return self._become_identity(weakness)
        self.become_identity()
        before = self._loss(data)
        for variable, value in zip(self.state, state, strict=True):
            variable.assign(np.asarray(value, "float32"))
        if not self._loss(data) <= before + ROUNDING * (1 + before):
            return self._become_identity("the fit would raise the loss on it")
        return self

    def attach(self, model, from_logits=None):
        """Returns a model whose output this layer calibrates.

        The calibrator is part of it: saved in the `.keras` file and exported with it.
        The model keeps its weights, shared with the one returned, which is not
        compiled. Fitting this layer again changes the returned model as well, unless
        the model's kind of output made a copy necessary (see `from_logits`).

        Args:
            model: A built model of one output, `(batch, num_classes)`, or `(batch, 1)`
                for two classes: any `keras.Model`, a `RefCalModel` too.
            from_logits: Whether `model` returns logits. `None` reads it from the
                model where that says so (`classifier_activation`, or softmax or
                sigmoid as the last activation), and otherwise takes it as this
                layer takes its inputs. Where model and layer differ, a copy of the
                layer that reads the other kind is attached.

        Raises:
            ValueError: If `model` is not built, or the layer was fitted on raw logits
                and `model` returns probabilities, from which these cannot be had.
        """
        declared = returns_logits(model) if from_logits is None else from_logits
        layer = self
        if declared is not None and declared != self.from_logits:
            layer = self._reading(from_logits=declared)
        return attached_model(model, layer, self.name)

    def become_identity(self):
        """Sets the weights to those of the identity."""
        for variable, value in zip(self.state, self._identity, strict=True):
            variable.assign(value)

    @property
    def state(self):
        """The weights that `fit` sets, in their order."""
        return self.non_trainable_variables

    def add_state(self, name, value):
        """Creates a weight whose value in the identity is given.

        Args:
            name: Name of the weight.
            value: Array.
        """
        value = np.asarray(value, "float32")
        if not hasattr(self, "_identity"):
            self._identity = ()
        self._identity = (*self._identity, value)
        return self.add_weight(
            name=name,
            shape=value.shape,
            initializer=lambda shape, dtype=None: ops.convert_to_tensor(value, dtype),
            dtype="float32",
            trainable=False,
            autocast=False,
        )

    def compute_output_shape(self, input_shape):
        """Returns the shape of the inputs."""
        return input_shape

    def compute_output_spec(self, inputs):
        """Returns the shape of the inputs in float32."""
        if self.built:
            self._check_columns("inputs", inputs)
        return keras.KerasTensor(inputs.shape, dtype="float32")

    def get_config(self):
        """Returns the constructor's arguments."""
        return {**super().get_config(), "from_logits": self.from_logits}

    def _as_logits(self, scores):
        if self.single_column and self.from_logits:
            return ops.concatenate([ops.zeros_like(scores), scores], axis=-1)
        if self.from_logits:
            return scores
        if self.single_column:
            scores = ops.concatenate([1.0 - scores, scores], axis=-1)
        return log_probabilities(scores)

    def _checked(self, y_true, scores, sample_weight, class_weight):
        scores = as_scores("logits", ops.convert_to_numpy(scores)).astype("float64")
        if self.from_logits and are_probabilities(scores):
            raise ValueError(
                "`logits` hold probabilities: they lie in [0, 1] and every row sums "
                "to 1. Make the calibrator with `from_logits=False`."
            )
        if not self.from_logits:
            check_probabilities(
                "logits", scores, "make the calibrator with `from_logits=True`"
            )
        if not self.built:
            self.build((None, scores.shape[1]))
            self.built = True
        self._check_columns("logits", scores)
        labels = as_class_ids(y_true, len(scores), self.num_classes)
        weights = sample_shares(labels, self.num_classes, sample_weight, class_weight)
        rows = weights > 0
        return ValidationSet(
            labels[rows],
            self._logits(scores[rows]),
            weights[rows],
            len(labels) if sample_weight is None else float(np.sum(sample_weight)),
        )

    def _check_columns(self, name, scores):
        columns = 1 if self.single_column else self.num_classes
        if scores.shape[-1] != columns:
            raise ValueError(
                f"`{name}` must fit the {self.num_classes} classes, in shape (batch, "
                f"{columns}), that this calibrator was built for. "
                f"Received shape: {tuple(scores.shape)}"
            )

    def _logits(self, scores):
        """Returns in float64 the logits that `calibrate` sees."""
        scores = two_columns(scores, self.from_logits)
        if self.from_logits:
            return scores
        return np.log(np.maximum(scores, MIN_PROBABILITY))

    def _loss(self, data):
        total = 0.0
        for start in range(0, len(data.labels), ROWS_AT_ONCE):
            rows = slice(start, start + ROWS_AT_ONCE)
            probabilities = ops.convert_to_numpy(
                self.calibrate(
                    ops.convert_to_tensor(data.logits[rows].astype("float32"))
                )
            )
            labels = data.labels[rows]
            of_label = probabilities[np.arange(len(labels)), labels].astype("float64")
            with np.errstate(divide="ignore"):
                total -= float(data.weights[rows] @ np.log(of_label))
        return total

    def _become_identity(self, reason):
        self.become_identity()
        warnings.warn(
            f"{type(self).__name__} stays the identity: the validation set is no use, "
            f"for {reason}.",
            UserWarning,
            stacklevel=3,
        )
        return self

    def _reading(self, from_logits):
        """Returns a copy that reads the other kind of scores."""
        if self.depends_on_shift and self.built:
            kinds = ("probabilities", "logits")
            raise ValueError(
                f"{type(self).__name__} was fitted on {kinds[self.from_logits]}, and "
                f"`model` returns {kinds[from_logits]}, of which it would make other "
                f"probabilities. Fit one with `from_logits={from_logits}` on what "
                "`model.predict` returns."
            )
        copy = type(self).from_config({**self.get_config(), "from_logits": from_logits})
        if self.built:
            copy.build((None, 1 if self.single_column else self.num_classes))
            copy.built = True
            for new, old in zip(copy.state, self.state, strict=True):
                # A NumPy copy: on JAX `predict` gives up the arrays of its model.
                new.assign(np.array(ops.convert_to_numpy(old)))
        return copy
