"""Temperature scaling."""

from typing import Any

from keras import ops

from keras_refcal.layers.calibrators.base import Calibrator
from keras_refcal.registration import serializable
from keras_refcal.types import Tensor


@serializable
class TemperatureScaling(Calibrator):
    """Divides the logits by one temperature: `softmax(z / T)`.

    T > 1 lowers all confidences, T < 1 raises them; the predicted class stays. It is
    the T of least negative log-likelihood from 0.001 to 1000 (of logits of ordinary
    spread), found to ten digits, the same that `evaluation.evaluate` reports as
    `temperature`. Labels no likelier than chance give the upper bound. Where every
    prediction is right, T falls until the loss is `1 / (n + 1)` nats: n samples show
    no more. A `UserWarning` says so in both cases.

    Args:
        from_logits: Whether the scores are logits; otherwise probabilities.
        **kwargs: `multi_label` of `Calibrator`; `name`, `dtype` of
            `keras.layers.Layer`.

    Call arguments:
        inputs: Scores, shape `(batch, num_classes)`, or `(batch, 1)` for class 1 of
            two.

    Returns:
        Probabilities of the shape of the inputs.

    Reference:
        [Guo et al., 2017](https://arxiv.org/abs/1706.04599), section 4.2.

    Example:

    >>> import numpy as np
    >>> from keras_refcal.layers import TemperatureScaling
    >>> logits = np.array([[4.0, 0.0], [4.0, 0.0], [4.0, 0.0], [0.0, 4.0]])
    >>> layer = TemperatureScaling().fit([0, 0, 1, 1], logits)
    >>> print(f"{float(layer.temperature):.3f}")
    3.641
    >>> print(f"{float(layer(logits)[0, 0]):.3f}")
    0.750
    """

    def build_state(self, num_classes: int) -> None:
        """Creates the temperature, 1."""
        self.temperature = self.add_state("temperature", 1.0)

    def calibrate(self, logits: Tensor) -> Any:
        """Returns `softmax(logits / T)`."""
        return ops.softmax(logits / self.temperature, axis=-1)

    def fit_state(self, data: Any) -> Any:
        """Returns the temperature of least loss."""
        return self.one_temperature(data.best.temperature)

    def one_temperature(self, temperature: Any) -> Any:
        """Returns the temperature."""
        return (temperature,)
