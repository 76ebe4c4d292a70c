"""Temperatures whose probabilities are mixed with others."""

from typing import Any

import numpy as np
from keras import ops

from keras_refcal.fitting.mixtures import (
    laplace_share,
    mixed_with_uniform,
    mixture_shares,
)
from keras_refcal.fitting.validation_set import label_probabilities
from keras_refcal.layers.calibrators.base import Calibrator
from keras_refcal.registration import serializable
from keras_refcal.types import Tensor


@serializable
class LaplaceTemperatureScaling(Calibrator):
    """Divides the logits by one temperature and mixes in a little of all classes.

    It is `(1 - s) softmax(z / T) + s / num_classes`, with the best temperature and, as
    in Laplace's rule of succession, `s = 1 / (n + 1)` for n validation samples. No
    class gets a probability near 0 that so few samples cannot vouch for: one surprise
    costs at most `log((n + 1) * num_classes)` nats. On the validation set the share may
    cost up to `1 / n` nats more than the temperature alone. The predicted class stays.

    Args:
        from_logits: Whether the scores are logits; otherwise probabilities.
        **kwargs: `name`, `dtype` of `keras.layers.Layer`.

    Call arguments:
        inputs: Scores, shape `(batch, num_classes)`, or `(batch, 1)` for class 1 of
            two.

    Returns:
        Probabilities of the shape of the inputs.

    Reference:
        [Berta et al., 2025](https://arxiv.org/abs/2501.19195), appendix on temperature
        scaling.

    Example:

    >>> import numpy as np
    >>> from keras_refcal.layers import LaplaceTemperatureScaling
    >>> logits = np.array([[4.0, 0.0], [4.0, 0.0], [4.0, 0.0], [0.0, 4.0]])
    >>> layer = LaplaceTemperatureScaling().fit([0, 0, 1, 1], logits)
    >>> print(f"{float(layer(logits)[0, 0]):.2f}")  # 0.8 * 0.75 + 0.1
    0.70
    """

    is_mixed = True

    def build_state(self, num_classes: int) -> None:
        """Creates the temperature, 1, and the share, 0."""
        self.temperature = self.add_state("temperature", 1.0)
        self.share = self.add_state("share", 0.0)

    def calibrate(self, logits: Tensor) -> Any:
        """Returns the mixed probabilities."""
        tempered = ops.softmax(logits / self.temperature, axis=-1)
        return mixed_with_uniform(tempered, self.share)

    def fit_state(self, data: Any) -> Any:
        """Returns the temperature of least loss and the share."""
        return data.best.temperature, laplace_share(data.samples)

    def one_temperature(self, temperature: Any) -> Any:
        """Returns the temperature and no share."""
        return temperature, 0.0


@serializable
class EnsembleTemperatureScaling(Calibrator):
    """Mixes the tempered probabilities, those that were given, and the uniform ones.

    It is `a softmax(z / T) + b softmax(z) + c / num_classes` with the best temperature
    and the shares, of sum 1, of least negative log-likelihood. So it can soften the
    doubtful and the sure by different amounts; the predicted class stays.

    Args:
        from_logits: Whether the scores are logits; otherwise probabilities.
        **kwargs: `name`, `dtype` of `keras.layers.Layer`.

    Call arguments:
        inputs: Scores, shape `(batch, num_classes)`, or `(batch, 1)` for class 1 of
            two.

    Returns:
        Probabilities of the shape of the inputs.

    Reference:
        [Zhang et al., 2020](https://arxiv.org/abs/2003.07329), section 4.2 (ETS), by
        the log-loss in place of the Brier score.

    Example:

    >>> import numpy as np
    >>> from keras_refcal.layers import EnsembleTemperatureScaling
    >>> logits = np.array([[9.0, 0.0], [9.0, 0.0], [9.0, 0.0], [0.5, 0.0], [0.0, 0.5]])
    >>> layer = EnsembleTemperatureScaling().fit([0, 0, 1, 0, 1], logits)
    >>> print(f"{float(layer(logits)[0, 0]):.3f}")
    0.725
    """

    def build_state(self, num_classes: int) -> None:
        """Creates the temperature, 1, and the shares, all of the tempered ones."""
        self.temperature = self.add_state("temperature", 1.0)
        self.shares = self.add_state("shares", [1.0, 0.0, 0.0])

    def calibrate(self, logits: Tensor) -> Any:
        """Returns the mixed probabilities."""
        tempered = ops.softmax(logits / self.temperature, axis=-1)
        given = ops.softmax(logits, axis=-1)
        mixed = self.shares[0] * tempered + self.shares[1] * given
        return mixed + self.shares[2] / self.num_classes

    def fit_state(self, data: Any) -> Any:
        """Returns the temperature of least loss, and then the shares."""
        temperature = data.best.temperature
        parts = [
            label_probabilities(data.logits / temperature, data.labels),
            label_probabilities(data.logits, data.labels),
            np.full(len(data.labels), 1 / data.num_classes),
        ]
        return temperature, mixture_shares(np.stack(parts, axis=1), data.weights)

    def one_temperature(self, temperature: Any) -> Any:
        """Returns the temperature, whose probabilities have all shares."""
        return temperature, [1.0, 0.0, 0.0]
