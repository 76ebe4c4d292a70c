"""Temperatures that know how many training samples each class had."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from keras import ops

from keras_refcal.fitting.validation_set import log_softmax
from keras_refcal.layers.calibrators.base import Calibrator
from keras_refcal.ops.class_groups import checked_groups, disjoint_groups
from keras_refcal.ops.predicted_class import of_predicted_class, predicted_class
from keras_refcal.registration import serializable
from keras_refcal.types import Tensor
from keras_refcal.validation import check_class_counts


@serializable
class GroupTemperatureScaling(Calibrator):
    """Has one temperature for predictions of each group of classes.

    A sample belongs to the group of its predicted class, which stays. A group with
    fewer than `min_samples` validation predictions has the temperature of all.

    Args:
        class_counts: Training samples of each class, shape `(num_classes,)`.
        groups: `"shots"` for more than 100, 20 to 100 and fewer than 20 training
            samples, `"thirds"` for the largest, middle and smallest third of classes,
            or a mapping of names to class ids, with all others in one group more.
        min_samples: Number of 1 or more.
        from_logits: Whether the scores are logits; otherwise probabilities. Both give
            the same calibrator.
        **kwargs: `name`, `dtype` of `keras.layers.Layer`.

    Call arguments:
        inputs: Scores, shape `(batch, num_classes)`, or `(batch, 1)` for class 1 of
            two.

    Returns:
        Probabilities of the shape of the inputs.

    Raises:
        ValueError: If an argument is not as above, or `class_counts` does not fit.

    Example:

    >>> import numpy as np
    >>> from keras_refcal.layers import GroupTemperatureScaling
    >>> logits = np.array([[4.0, 0.0], [4.0, 0.0], [4.0, 0.0], [0.0, 4.0], [0.0, 4.0]])
    >>> layer = GroupTemperatureScaling([500, 5], min_samples=2)
    >>> layer = layer.fit([0, 0, 1, 1, 1], logits)
    >>> print(f"{float(layer.temperature[0]):.3f}")  # of class 0
    5.771
    """

    takes_labels = False

    def __init__(
        self,
        class_counts: Tensor,
        groups: str | Mapping = "shots",
        min_samples: float = 30,
        from_logits: bool = True,
        **kwargs: Any,
    ):
        super().__init__(from_logits=from_logits, **kwargs)
        self.class_counts = check_class_counts(class_counts)
        if not min_samples >= 1:
            raise ValueError(f"`min_samples` must be >= 1. Received: {min_samples!r}")
        self.groups = checked_groups(groups, len(self.class_counts), disjoint=True)
        self.min_samples = min_samples

    def build_state(self, num_classes: int) -> None:
        """Creates the temperature of each predicted class, 1."""
        _check_counts(self.class_counts, num_classes)
        self.temperature = self.add_state("temperature", np.ones(num_classes))

    def calibrate(self, logits: Tensor) -> Any:
        """Returns `softmax(logits / T)` with the T of the predicted class."""
        return _by_predicted_class(logits, self.temperature)

    def fit_state(self, data: Any) -> Any:
        """Returns the temperature of the group of each class."""
        (temperature,) = self.one_temperature(data.best.temperature)
        predicted = np.argmax(data.logits, axis=1)
        for members in disjoint_groups(self.class_counts, self.groups).values():
            rows = members[predicted]
            if rows.sum() >= self.min_samples:
                temperature[members] = data.take(rows).best.temperature
        return (temperature,)

    def one_temperature(self, temperature: Any) -> Any:
        """Returns the same temperature for each class."""
        return (np.full(self.num_classes, temperature),)


@serializable
class ClassDistributionAwareTemperature(Calibrator):
    """Has a temperature that follows the training samples of the predicted class.

    It is `T * (n_c / max n)^gamma` for predictions of class c, which stay; two numbers
    are fitted, whatever the number of classes. gamma > 0 softens predictions of
    frequent classes more than those of rare ones. The paper divides each logit by the
    temperature of its own class, and adds a multiple of n_c to T; here the power keeps
    temperatures positive, and one for the row lets a constant added to the logits
    change nothing.

    Args:
        class_counts: Training samples of each class, shape `(num_classes,)`.
        from_logits: Whether the scores are logits; otherwise probabilities. Both give
            the same calibrator.
        **kwargs: `name`, `dtype` of `keras.layers.Layer`.

    Call arguments:
        inputs: Scores, shape `(batch, num_classes)`, or `(batch, 1)` for class 1 of
            two.

    Returns:
        Probabilities of the shape of the inputs.

    Raises:
        ValueError: If `class_counts` are not positive or do not fit the inputs.

    Reference:
        [Islam et al., 2021](https://arxiv.org/abs/2109.05263) (CDA-TS).

    Example:

    >>> import numpy as np
    >>> from keras_refcal.layers import ClassDistributionAwareTemperature
    >>> logits = np.array([[4.0, 0.0], [4.0, 0.0], [4.0, 0.0], [0.0, 4.0], [0.0, 4.0]])
    >>> layer = ClassDistributionAwareTemperature([500, 5])
    >>> temperature = layer.fit([0, 0, 1, 1, 1], logits).temperature
    >>> bool(temperature[0] > temperature[1])
    True
    """

    takes_labels = False

    def __init__(self, class_counts: Tensor, from_logits: bool = True, **kwargs: Any):
        super().__init__(from_logits=from_logits, **kwargs)
        self.class_counts = check_class_counts(class_counts)

    def build_state(self, num_classes: int) -> None:
        """Creates the temperature of each class, 1."""
        _check_counts(self.class_counts, num_classes)
        self.temperature = self.add_state("temperature", np.ones(num_classes))

    def calibrate(self, logits: Tensor) -> Any:
        """Returns `softmax(logits / T)` with the T of the predicted class."""
        return _by_predicted_class(logits, self.temperature)

    def fit_state(self, data: Any) -> Any:
        """Returns the temperature of each class."""
        import scipy.optimize

        share = np.log(np.divide(self.class_counts, np.max(self.class_counts)))
        share_of_row = share[np.argmax(data.logits, axis=1)]
        rows = np.arange(len(data.labels))

        def objective(parameters):
            log_t = parameters[0] + parameters[1] * share_of_row
            scaled = data.logits * np.exp(-log_t)[:, None]
            log_q = log_softmax(scaled)
            error = np.exp(log_q)
            error[rows, data.labels] -= 1
            of_log = -data.weights * np.sum(error * scaled, axis=1)
            value = -float(data.weights @ log_q[rows, data.labels])
            return value, np.array([of_log.sum(), of_log @ share_of_row])

        if data.best.limit is not None:
            return self.one_temperature(data.best.temperature)
        start = np.array([np.log(data.best.temperature), 0.0])
        found = scipy.optimize.minimize(objective, start, jac=True, method="BFGS")
        log_t, gamma = found.x
        return (np.exp(np.clip(log_t + gamma * share, *data.best.log_bounds)),)

    def one_temperature(self, temperature: Any) -> Any:
        """Returns the same temperature for each class."""
        return (np.full(self.num_classes, temperature),)


def _by_predicted_class(logits, temperature):
    of_row = of_predicted_class(temperature, predicted_class(logits))
    return ops.softmax(logits / of_row[:, None], axis=-1)


def _check_counts(class_counts, num_classes):
    if len(class_counts) != num_classes:
        raise ValueError(
            f"`class_counts` must hold one number for each of the {num_classes} "
            f"classes. Received: {len(class_counts)} numbers."
        )
