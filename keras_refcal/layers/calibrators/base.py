"""What all post-hoc calibrators share: checked fitting, attaching, saving."""

import sys
import warnings

import keras
import numpy as np
from keras import ops

from keras_refcal.fitting.validation_set import ValidationSet, sample_shares
from keras_refcal.layers.calibrators.attaching import (
    attached_model,
    check_one_distribution,
    columns_of,
    returns_logits,
)
from keras_refcal.layers.calibrators.several_labels import (
    calibrated_labels,
    fit_labels,
    maps_of_labels,
)
from keras_refcal.ops.labels import MIN_PROBABILITY, log_probabilities
from keras_refcal.predictions import (
    are_probabilities,
    as_class_ids,
    as_outputs,
    check_probabilities,
    two_columns,
)
from keras_refcal.predictions.rows import given_rows
from keras_refcal.registration import Configured
from keras_refcal.validation import check_bool

ROWS_AT_ONCE = 4096
# Of comparisons of losses: what rounding to float32 may add, in nats.
ROUNDING = 1e-6


class Calibrator(Configured, keras.layers.Layer):
    """Base of the post-hoc calibrators: a layer from scores to probabilities.

    It is fitted on validation predictions, not trained: its numbers are non-trainable
    weights, saved with the model. Before `fit` it is the identity (softmax of logits,
    or the probabilities themselves).

    Subclasses define `build_state(num_classes)`, `calibrate(logits)`,
    `fit_state(data)`, which returns the values of the weights in their order, and
    `one_temperature(temperature)`, which returns those of `softmax(z / T)`.

    Args:
        from_logits: Whether the scores are logits; otherwise they are probabilities,
            which are read as logits by their logarithm.
        multi_label: Whether each column is a label of its own, 0 or 1, as behind
            several sigmoids; each is then calibrated as two classes, by a map of its
            own.
        **kwargs: `name`, `dtype` of `keras.layers.Layer`. Whatever the `dtype`, the
            layer computes in float32.

    Call arguments:
        inputs: Scores, shape `(..., num_classes)`; for two classes also `(..., 1)` or
            `(batch,)`, the logit or probability of class 1, whichever of both it was
            fitted on.

    Returns:
        Probabilities of the shape of the inputs, float32.

    Raises:
        ValueError: If the inputs have other columns than it was built or fitted for.
    """

    # Whether a constant added to a row of logits changes the output.
    depends_on_shift = False
    # Whether `fit` takes the best temperature, or else the identity, if it is better.
    fallback = True
    # Whether it may cost 1 / n nats on n samples, as a share of the uniform
    # distribution does that is mixed in against surprises.
    is_mixed = False
    # Whether a map of each of several labels alone has a meaning.
    takes_labels = True
    # Tells a layer that is attached behind this one what it reads.
    returns_calibrated = True

    def __init__(self, from_logits=True, multi_label=False, **kwargs):
        super().__init__(autocast=False, **kwargs)
        check_bool("from_logits", from_logits)
        check_bool("multi_label", multi_label)
        if multi_label and not self.takes_labels:
            raise ValueError(
                f"{type(self).__name__} has no meaning with `multi_label=True`: it "
                "goes by the training samples of classes that exclude each other."
            )
        self.from_logits = from_logits
        self.multi_label = multi_label

    def build(self, input_shape):
        """Creates the weights of the identity."""
        columns = columns_of("inputs", input_shape)
        if columns is None:
            raise ValueError(
                "The inputs of a calibrator must have shape (..., num_classes) with "
                f"a known number of classes. Received shape: {tuple(input_shape)}"
            )
        self.single_column = columns == 1
        self.num_classes = columns if self.multi_label else max(2, columns)
        if self.multi_label:
            self.of_labels = maps_of_labels(self, columns)
        else:
            self.build_state(self.num_classes)

    def call(self, inputs):
        """Returns calibrated probabilities."""
        columns = self._checked_columns("inputs", inputs.shape)
        scores = ops.cast(inputs, "float32")
        is_table = len(inputs.shape) == 2
        if not is_table:
            scores = ops.reshape(scores, (-1, columns))
        if self.multi_label:
            probabilities = calibrated_labels(self.of_labels, scores)
        else:
            probabilities = self.calibrate(self._as_logits(scores, columns))
            if columns == 1:
                probabilities = probabilities[:, 1:]
        if is_table:
            return probabilities
        # Exporters know -1 better than the number of rows of a traced batch.
        inner = tuple(inputs.shape[1:])
        form = ops.shape(inputs) if None in inner else (-1, *inner)
        return ops.reshape(probabilities, form)

    def fit(
        self, y_true, logits, sample_weight=None, class_weight=None, ignore_class=None
    ):
        """Fits the calibrator to validation predictions.

        The mean negative log-likelihood on these predictions is never worse than
        before calibration, nor than after the best temperature, which is taken, with
        a `UserWarning`, where the fitted calibrator would be worse. Where nothing can
        be learned (a single sample, labels of one class) it becomes the identity, and
        a `UserWarning` says why; another says so where the best temperature lies at
        its bounds, see `fitting.temperature.best_temperature`.

        Args:
            y_true: Class ids, shape `(n,)` or `(n, 1)`, or one-hot rows
                `(n, num_classes)`; with `multi_label`, zeros and ones,
                `(n, num_classes)`.
            logits: What the layer takes, `(n, num_classes)`, or `(n,)` or `(n, 1)`
                for class 1 of two: logits, or probabilities if `from_logits=False`.
                They must not be those that the classifier was trained on. Pixels and
                tokens, `(n, ..., num_classes)`, are so many samples; labels and weights
                then have their leading shape.
            sample_weight: Numbers of 0 or more, shape `(n,)`. Weight 0 equals
                absence; their scale does not matter.
            class_weight: One number a class; or `"balanced"`, the inverse of each
                class' number of validation samples: fits for test data whose classes
                are equally frequent, where the validation data are long-tailed.

            ignore_class: Label of the samples to leave out, or `None`.

        Returns:
            The layer.

        Raises:
            ValueError: If an argument does not fit, or values are not finite.
        """
        rows = given_rows(
            y_true,
            "logits",
            ops.convert_to_numpy(logits),
            sample_weight,
            ignore_class=None if self.multi_label else ignore_class,
        )
        if self.multi_label:
            fit_labels(self, rows, class_weight, ignore_class)
            return self
        data = self._checked(*rows[:3], class_weight)
        weakness = data.weakness()
        if weakness is not None:
            self.become_identity()
            self.warn(f"stays the identity: the validation set is no use, {weakness}")
            return self
        if data.best.limit is not None:
            self.warn(f"has no best temperature to go by: {data.best.limit}")
        self.assign(self.fit_state(data))
        loss, fitted = self._loss(data), self.numbers()
        rival = data.best.temperature if self.fallback else 1.0
        self.assign(self.one_temperature(rival))
        rival_loss = self._loss(data)
        most = rival_loss
        if self.is_mixed:
            most = min(rival_loss + 1 / data.samples, max(rival_loss, data.loss))
        if loss <= most + ROUNDING * (1 + rival_loss):
            self.assign(fitted)
        else:
            what = "becomes one temperature" if self.fallback else "stays the identity"
            self.warn(f"{what}: the fit would raise the loss on the validation set")
        return self

    def attach(self, model, from_logits=None):
        """Returns a model whose output this layer calibrates.

        The calibrator is part of it: saved in the `.keras` file and exported with it.
        The model keeps its weights, shared with the one returned, which is not
        compiled. Fitting this layer again changes the returned model as well, unless
        the model's kind of output made a copy necessary (see `from_logits`).

        Args:
            model: A built model of one output, `(batch, ..., num_classes)`, or one
                column for two classes: any `keras.Model`, a `RefCalModel` too.
            from_logits: Whether `model` returns logits. `None` reads it from the
                model where that says so (`classifier_activation`, or softmax or
                sigmoid as the last activation), and otherwise takes it as this
                layer takes its inputs. Where model and layer differ, a copy of the
                layer that reads the other kind is attached.

        Raises:
            ValueError: If `model` is not built, has several outputs or other columns,
                or returns independent sigmoids; or if the layer was fitted on raw
                logits that cannot be had from what `model` returns.
        """
        declared = returns_logits(model) if from_logits is None else from_logits
        layer = self
        if declared is not None and declared != self.from_logits:
            layer = self._reading(from_logits=declared)

        def checked(output):
            columns = columns_of("model.output", output.shape)
            name = type(self).__name__
            check_one_distribution(model, columns, name, self.multi_label)
            return layer(output)

        return attached_model(model, checked, self.name)

    def become_identity(self):
        """Sets the weights to those of the identity."""
        self.assign(self._identity)

    def assign(self, state):
        """Sets the weights to these values, in their order."""
        for variable, value in zip(self.state, state, strict=True):
            variable.assign(np.asarray(value, "float32"))

    def numbers(self):
        """Returns the values of the weights, as NumPy arrays in their order."""
        # Copies: on JAX `predict` gives up the arrays of its model.
        return [np.array(ops.convert_to_numpy(variable)) for variable in self.state]

    def warn(self, what):
        """Warns whoever called this package of what this layer does."""
        frame, depth = sys._getframe(1), 2
        while frame and frame.f_globals.get("__name__", "").startswith("keras_refcal."):
            frame, depth = frame.f_back, depth + 1
        warnings.warn(f"{type(self).__name__} {what}.", UserWarning, stacklevel=depth)

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
        if self.built:
            self._checked_columns("inputs", input_shape)
        return input_shape

    def compute_output_spec(self, inputs):
        """Returns the shape of the inputs in float32."""
        if self.built:
            self._checked_columns("inputs", inputs.shape)
        return keras.KerasTensor(inputs.shape, dtype="float32")

    def _as_logits(self, scores, columns):
        if not self.from_logits:
            if columns == 1:
                scores = ops.concatenate([1.0 - scores, scores], axis=-1)
            return log_probabilities(scores)
        if columns == 1:
            return ops.concatenate([ops.zeros_like(scores), scores], axis=-1)
        # What one column was fitted on has the first logit 0.
        return scores - scores[:, :1] if self.single_column else scores

    def build_for(self, scores):
        """Builds the layer for the columns of scores, or raises unless they fit."""
        if not self.built:
            self.build((None, scores.shape[1]))
            self.built = True
        self._checked_columns("logits", scores.shape)

    def _checked(self, y_true, scores, sample_weight, class_weight):
        scores = as_outputs("logits", scores).astype("float64")
        self._check_kind(scores)
        self.build_for(scores)
        labels = as_class_ids(y_true, len(scores), self.num_classes)
        weights = sample_shares(labels, self.num_classes, sample_weight, class_weight)
        rows = weights > 0
        return ValidationSet(labels[rows], self._logits(scores[rows]), weights[rows])

    def _check_kind(self, scores):
        if not self.from_logits:
            check_probabilities(
                "logits", scores, "make the calibrator with `from_logits=True`"
            )
        elif are_probabilities(scores):
            raise ValueError(
                "`logits` hold probabilities: they lie in [0, 1] and every row sums "
                "to 1. Make the calibrator with `from_logits=False`."
            )
        elif scores.shape[1] == 1 and np.all((scores >= 0) & (scores <= 1)):
            self.warn(
                "reads as logits what may be probabilities: all lie in [0, 1]. If "
                "they are, make the calibrator with `from_logits=False`"
            )

    def _checked_columns(self, name, shape):
        """Returns the columns of scores, or raises unless they fit the classes."""
        columns = columns_of(name, shape)
        two = self.num_classes == 2 and not self.multi_label
        fit = columns == self.num_classes or (columns == 1 and two)
        if not fit:
            raise ValueError(
                f"`{name}` must have {self.num_classes} columns for the "
                f"{self.num_classes} classes that {type(self).__name__} was built for"
                f"{', or one' * two}. Received shape: "
                f"{tuple(shape)}"
            )
        if (
            columns == 1
            and not self.single_column
            and self.depends_on_shift
            and self.from_logits
        ):
            raise ValueError(
                f"{type(self).__name__} was fitted on two raw logits a sample, which "
                f"`{name}` of shape {tuple(shape)} does not have. Fit it on one column."
            )
        return columns

    def _logits(self, scores):
        """Returns in float64 the logits that `calibrate` sees."""
        single = scores.shape[1] == 1
        scores = two_columns(scores, self.from_logits)
        if not self.from_logits:
            return np.log(np.maximum(scores, MIN_PROBABILITY))
        return scores - scores[:, :1] if self.single_column and not single else scores

    def losses(self, data):
        """Returns `-log p` of each label under the weights as they are, float64."""
        losses = np.empty(len(data.labels))
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
                losses[rows] = -np.log(of_label)
        return losses

    def _loss(self, data):
        return float(data.weights @ self.losses(data))

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
            copy.assign(self.numbers())
        return copy
