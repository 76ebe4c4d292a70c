"""Probabilities for data whose classes are not as frequent as in training."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_refcal.fitting.prior_shift import estimated_rates
from keras_refcal.layers.calibrators.attaching import (
    attached_model,
    check_one_distribution,
    columns_of,
    returns_logits,
)
from keras_refcal.predictions import as_outputs, check_probabilities, two_columns
from keras_refcal.predictions.rows import given_rows
from keras_refcal.registration import Configured, serializable
from keras_refcal.types import Tensor


@serializable
class PriorShift(Configured, keras.layers.Layer):
    """Moves probabilities from the class rates of training to those of deployment.

    With p the probabilities of a calibrated classifier, r the training rates and q
    those of deployment, it returns `p_c q_c / r_c`, divided by the sum over classes.
    No labels are needed: `estimate` finds q in unlabelled predictions. It holds where
    each class looks as it did in training, and only its frequency has changed.

    Args:
        training_rates: Rate of each class in the training data, K positive numbers,
            which may be counts; or one number in (0, 1), the rate of class 1 of two.
        deployment_rates: The same of the data to come. If `None`, probabilities stay
            as they are until `estimate`.
        **kwargs: `name`, `dtype` of `keras.layers.Layer`.

    Call arguments:
        inputs: Probabilities, shape `(..., K)`; for two classes also `(..., 1)` or
            `(batch,)`, the probability of class 1.

    Returns:
        Probabilities of the shape of the inputs, float32.

    Raises:
        ValueError: If rates are not as above, or do not fit the inputs.

    Reference:
        [Saerens et al., 2002](https://doi.org/10.1162/089976602753284446), eq. 2.4.

    Example:

    >>> import numpy as np
    >>> from keras_refcal.layers import PriorShift
    >>> layer = PriorShift(training_rates=0.5, deployment_rates=0.1)
    >>> round(float(layer(np.array([[0.5]]))[0, 0]), 4)
    0.1
    """

    def __init__(
        self, training_rates: Any, deployment_rates: Any = None, **kwargs: Any
    ):
        super().__init__(autocast=False, **kwargs)
        self.training_rates = training_rates
        self.deployment_rates = deployment_rates
        rates = _rates("training_rates", training_rates)
        if deployment_rates is not None:
            other = _rates("deployment_rates", deployment_rates)
            if len(other) != len(rates):
                raise ValueError(
                    "`deployment_rates` must hold one number for each of the "
                    f"{len(rates)} classes. Received: {deployment_rates!r}"
                )

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Creates the ratio of new to old rates of each class."""
        rates = _rates("training_rates", self.training_rates)
        given = self.deployment_rates
        new = rates if given is None else _rates("deployment_rates", given)
        self._check_columns(input_shape)
        self.ratio = self.add_weight(
            name="ratio",
            shape=(len(rates),),
            initializer=lambda shape, dtype=None: ops.convert_to_tensor(
                new / rates, dtype
            ),
            dtype="float32",
            trainable=False,
            autocast=False,
        )

    def call(self, inputs: Tensor) -> Any:
        """Returns shifted probabilities."""
        self._check_columns(inputs.shape)
        p = ops.cast(inputs, "float32")
        if len(p.shape) == 1 or p.shape[-1] == 1:
            one = p * self.ratio[1]
            total = one + (1.0 - p) * self.ratio[0]
            return ops.where(total > 0, one / ops.where(total > 0, total, 1.0), p)
        odds = p * self.ratio
        total = ops.sum(odds, axis=-1, keepdims=True)
        return ops.where(total > 0, odds / ops.where(total > 0, total, 1.0), p)

    def estimate(
        self, probabilities: Tensor, sample_weight: Tensor | None = None
    ) -> Any:
        """Sets the deployment rates to those that fit unlabelled predictions best.

        Args:
            probabilities: What the layer takes, of samples of the deployment data.
            sample_weight: Numbers of 0 or more, of the shape of labels, or `None`.

        Returns:
            The rates, shape `(K,)`.
        """
        probabilities = ops.convert_to_numpy(probabilities)
        labels = np.zeros(probabilities.shape[:-1] or (1,))
        labels = np.zeros(len(probabilities)) if probabilities.ndim == 1 else labels
        rows = given_rows(labels, "probabilities", probabilities, sample_weight)
        values = as_outputs("probabilities", rows.outputs).astype("float64")
        check_probabilities("probabilities", values, "apply softmax or sigmoid first")
        if not self.built:
            self.build(values.shape)
            self.built = True
        self._check_columns(values.shape)
        training = _rates("training_rates", self.training_rates)
        values = two_columns(values, from_logits=False)
        rates = estimated_rates(values, training, rows.weights)
        self.ratio.assign((rates / training).astype("float32"))
        return rates

    def attach(self, model: keras.Model) -> Any:
        """Returns a model whose probabilities this layer shifts.

        Args:
            model: A built model of probabilities: attach a calibrator before.

        Raises:
            ValueError: If `model` returns logits, or other classes.
        """
        if returns_logits(model):
            raise ValueError(
                "`model` must return probabilities. It returns logits: attach a "
                "calibrator of `keras_refcal.layers` before."
            )

        def checked(output):
            columns = columns_of("model.output", output.shape)
            check_one_distribution(model, columns, type(self).__name__)
            return self(output)

        return attached_model(model, checked, self.name)

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        """Returns the shape of the inputs."""
        return input_shape

    def compute_output_spec(self, inputs: Tensor) -> Any:
        """Returns the shape of the inputs in float32."""
        self._check_columns(inputs.shape)
        return keras.KerasTensor(inputs.shape, dtype="float32")

    def _check_columns(self, shape):
        columns = columns_of("inputs", shape)
        classes = len(_rates("training_rates", self.training_rates))
        if columns != classes and (columns, classes) != (1, 2):
            raise ValueError(
                f"The inputs must have {classes} columns, one for each of "
                f"`training_rates`{', or one' * (classes == 2)}. Received shape: "
                f"{tuple(shape)}"
            )


def _rates(name, given):
    """Returns rates of sum 1, float64 of shape `(K,)`, or raises."""
    rates = np.asarray(given, "float64")
    if rates.ndim == 0 and 0 < rates < 1:
        return np.array([1 - rates, rates])
    if rates.ndim != 1 or len(rates) < 2 or not np.all((rates > 0) & (rates < np.inf)):
        raise ValueError(
            f"`{name}` must be a positive number for each of two or more classes, or "
            f"one number in (0, 1) for class 1 of two. Received: {given!r}"
        )
    return rates / rates.sum()
