"""Platt scaling and beta calibration: logistic maps of one probability."""

from typing import Any

import numpy as np
from keras import ops

from keras_refcal.fitting.logistic import finite_targets, fit_logistic
from keras_refcal.layers.calibrators.one_versus_rest import OneVersusRestCalibrator
from keras_refcal.ops.labels import log_probabilities
from keras_refcal.registration import serializable
from keras_refcal.types import Tensor


@serializable
class PlattScaling(OneVersusRestCalibrator):
    """Maps the log-odds of each class: `sigmoid(a * log(p / (1 - p)) + b)`.

    Made for two classes. With more, each class against the rest has its own map, and
    the results are divided by their sum.

    Args:
        from_logits: Whether the scores are logits; otherwise probabilities. Both give
            the same calibrator.
        **kwargs: `fallback` of `OneVersusRestCalibrator`; `multi_label` of
            `Calibrator`; `name`, `dtype` of `keras.layers.Layer`.

    Call arguments:
        inputs: Scores, shape `(batch, num_classes)`, or `(batch, 1)` for class 1 of
            two.

    Returns:
        Probabilities of the shape of the inputs.

    Reference:
        Platt, 1999, Probabilistic outputs for support vector machines; its smoothing
        of the labels is used where a class can be told from the rest without error.

    Example:

    >>> import numpy as np
    >>> from keras_refcal.layers import PlattScaling
    >>> p = np.array([[0.9], [0.9], [0.9], [0.1], [0.1], [0.1]])
    >>> layer = PlattScaling(from_logits=False).fit([1, 1, 0, 0, 0, 1], p)
    >>> print(f"{float(layer(p)[0, 0]):.3f}")
    0.667
    """

    mixing_share, has_few_numbers = 0.0, True

    def build_map(self, num_maps: Any) -> None:
        """Creates slope 1 and bias 0 of each class."""
        self.coefficients = self.add_state("coefficients", [[1.0, 0.0]] * num_maps)

    def map(self, probabilities: Tensor, log_odds: Any) -> Any:
        """Returns the mapped probabilities."""
        return ops.sigmoid(log_odds * self.coefficients[:, 0] + self.coefficients[:, 1])

    def fit_map(
        self, probabilities: Tensor, log_odds: Any, targets: Tensor, weights: str
    ) -> Any:
        """Returns slope and bias of one class."""
        features = np.stack([log_odds, np.ones_like(log_odds)], axis=1)
        targets = finite_targets(log_odds, targets, weights)
        return (fit_logistic(features, targets, weights / weights.sum(), (0,)),)


@serializable
class BetaCalibration(OneVersusRestCalibrator):
    """Maps the probability of each class: `sigmoid(a log p - b log(1 - p) + c)`.

    a and b are 0 or more, so that the map does not fall. Made for two classes; with
    more, each class against the rest has its own map, and the results are divided by
    their sum.

    Args:
        from_logits: Whether the scores are logits; otherwise probabilities. Both give
            the same calibrator.
        **kwargs: `fallback` of `OneVersusRestCalibrator`; `multi_label` of
            `Calibrator`; `name`, `dtype` of `keras.layers.Layer`.

    Call arguments:
        inputs: Scores, shape `(batch, num_classes)`, or `(batch, 1)` for class 1 of
            two.

    Returns:
        Probabilities of the shape of the inputs.

    Reference:
        [Kull et al., 2017](https://proceedings.mlr.press/v54/kull17a.html).

    Example:

    >>> import numpy as np
    >>> from keras_refcal.layers import BetaCalibration
    >>> p = np.array([[0.9], [0.9], [0.9], [0.1], [0.1], [0.1]])
    >>> layer = BetaCalibration(from_logits=False).fit([1, 1, 0, 0, 0, 1], p)
    >>> print(f"{float(layer(p)[0, 0]):.3f}")
    0.667
    """

    mixing_share, has_few_numbers = 0.0, True

    def build_map(self, num_maps: Any) -> None:
        """Creates a = 1, b = 1 and c = 0 of each class."""
        identity = [[1.0, 1.0, 0.0]] * num_maps
        self.coefficients = self.add_state("coefficients", identity)

    def map(self, probabilities: Tensor, log_odds: Any) -> Any:
        """Returns the mapped probabilities."""
        log_p = log_probabilities(probabilities)
        a, b, c = (self.coefficients[:, i] for i in range(3))
        return ops.sigmoid(a * log_p - b * (log_p - log_odds) + c)

    def fit_map(
        self, probabilities: Tensor, log_odds: Any, targets: Tensor, weights: str
    ) -> Any:
        """Returns a, b and c of one class."""
        log_p = np.log(np.maximum(probabilities, 1e-30))
        targets = finite_targets(log_odds, targets, weights)
        features = np.stack([log_p, log_odds - log_p, np.ones_like(log_p)], axis=1)
        return (fit_logistic(features, targets, weights / weights.sum(), (0, 1)),)
