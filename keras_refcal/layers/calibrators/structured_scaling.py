"""Structured vector and matrix scaling: shrunk maps of tempered probabilities."""

from typing import Any

import numpy as np
from keras import ops

from keras_refcal.fitting.linear import fit_structured
from keras_refcal.fitting.mixtures import mixed_with_uniform
from keras_refcal.layers.calibrators.base import Calibrator
from keras_refcal.registration import serializable


class StructuredScaling(Calibrator):
    """Base: an affine map of the logarithm of tempered and mixed probabilities.

    Args:
        penalty: See `StructuredVectorScaling`.
        from_logits: Whether the scores are logits; otherwise probabilities.
        **kwargs: `name`, `dtype` of `keras.layers.Layer`.
    """

    is_mixed = True
    is_diagonal = True

    def __init__(self, penalty=None, from_logits=True, **kwargs):
        super().__init__(from_logits=from_logits, **kwargs)
        if penalty is not None and not (penalty > 0 and np.isfinite(penalty)):
            raise ValueError(
                f"`penalty` must be None or a finite number > 0. Received: {penalty!r}"
            )
        self.penalty = penalty
        self.fallback = penalty is None

    def build_state(self, num_classes):
        """Creates the temperature 1, the share 0, a map of ones and the bias 0."""
        self.temperature = self.add_state("temperature", 1.0)
        self.share = self.add_state("share", 0.0)
        ones = np.ones(num_classes) if self.is_diagonal else np.eye(num_classes)
        self.slopes = self.add_state("scale" if self.is_diagonal else "matrix", ones)
        self.bias = self.add_state("bias", np.zeros(num_classes))

    def calibrate(self, logits):
        """Returns the softmax of the map of the log-probabilities."""
        log_p = ops.log_softmax(logits / self.temperature, axis=-1)
        mixed = mixed_with_uniform(ops.exp(log_p), self.share)
        log_q = ops.where(
            self.share > 0, ops.log(ops.where(mixed > 0, mixed, 1.0)), log_p
        )
        mapped = (
            log_q * self.slopes
            if self.is_diagonal
            else ops.matmul(log_q, ops.transpose(self.slopes))
        )
        return ops.softmax(mapped + self.bias, axis=-1)

    def fit_state(self, data):
        """Returns temperature, share, map and bias of least penalised loss."""
        return fit_structured(data, self.is_diagonal, self.penalty)

    def one_temperature(self, temperature):
        """Returns the temperature and a map that changes nothing."""
        _, share, ones, bias = self._identity
        return temperature, share, ones, bias


@serializable
class StructuredVectorScaling(StructuredScaling):
    """Scales and shifts the log-probability of each class, as far as the data ask.

    It is `softmax(w * log q + b)`, where q is `softmax(z / T)` with the best
    temperature, of which `1 / (n + 1)` is spread over all classes. A penalty draws w to
    1 and b to 0, the more the fewer samples a class has, so that it holds for
    thousands of classes. It can change the predicted class; a class without validation
    samples keeps, on average, the share of probability that the temperature gives it.

    Args:
        penalty: Number above 0, or `None`. With n samples and K classes
            `penalty * K / n` times the sum of `(w - 1)^2` and of `b^2` is added to the
            mean loss; 1 is as published. `None` to let three-fold cross-validation
            inside `fit` choose a power of four: 1, unless another is clearly better; if
            one temperature is, that is taken.
        from_logits: Whether the scores are logits; otherwise probabilities. Both give
            the same calibrator.
        **kwargs: `name`, `dtype` of `keras.layers.Layer`.

    Call arguments:
        inputs: Scores, shape `(batch, num_classes)`, or `(batch, 1)` for class 1 of
            two.

    Returns:
        Probabilities of the shape of the inputs.

    Raises:
        ValueError: If `penalty` is not above 0.

    Reference:
        [Berta et al., 2026](https://arxiv.org/abs/2511.03685), Structured matrix
        scaling for multi-class calibration (SVS).

    Example:

    >>> import numpy as np
    >>> from keras_refcal.layers import StructuredVectorScaling
    >>> generator = np.random.default_rng(0)
    >>> logits = generator.normal(size=(400, 3))
    >>> labels = np.argmax(logits + generator.gumbel(size=(400, 3)), axis=1)
    >>> layer = StructuredVectorScaling().fit(labels, 2 * logits + [2, 0, 0])
    >>> bool(layer.bias[0] < -0.2)  # takes back what class 0 was given
    True
    """

    @property
    def scale(self) -> Any:
        """The weights w, shape `(num_classes,)`."""
        return self.slopes


@serializable
class StructuredMatrixScaling(StructuredScaling):
    """Maps the log-probabilities by a matrix, as far as the data ask for each entry.

    It is `softmax(W log q + b)`, where q is `softmax(z / T)` with the best temperature,
    of which `1 / (n + 1)` is spread over all classes. A penalty draws W to the unit
    matrix and b to 0, entries off the diagonal `num_classes - 1` times as much as the
    others, so that it holds for hundreds of classes. It can change the predicted class;
    a class without validation samples keeps, on average, the share of probability that
    the temperature gives it.

    Args:
        penalty: Number above 0, or `None`. With n samples and K classes
            `penalty * K / n` times the sum of `(W_ii - 1)^2` and of `b^2`, and
            `penalty * K (K - 1) / n` times that of the other `W_ij^2`, is added to the
            mean loss; 1 is as published. `None` to let three-fold cross-validation
            inside `fit` choose a power of four: 1, unless another is clearly better; if
            one temperature is, that is taken.
        from_logits: Whether the scores are logits; otherwise probabilities. Both give
            the same calibrator.
        **kwargs: `name`, `dtype` of `keras.layers.Layer`.

    Call arguments:
        inputs: Scores, shape `(batch, num_classes)`, or `(batch, 1)` for class 1 of
            two.

    Returns:
        Probabilities of the shape of the inputs.

    Raises:
        ValueError: If `penalty` is not above 0.

    Reference:
        [Berta et al., 2026](https://arxiv.org/abs/2511.03685), Structured matrix
        scaling for multi-class calibration (SMS).

    Example:

    >>> import numpy as np
    >>> from keras_refcal.layers import StructuredMatrixScaling
    >>> generator = np.random.default_rng(0)
    >>> logits = generator.normal(size=(400, 3))
    >>> labels = np.argmax(logits + generator.gumbel(size=(400, 3)), axis=1)
    >>> given = 2 * logits @ np.array([[1, 0, 0], [0.6, 1, 0], [0, 0, 1]])
    >>> layer = StructuredMatrixScaling().fit(labels, given)
    >>> bool(layer.matrix[0, 1] < -0.2)  # takes class 1 back out of class 0
    True
    """

    is_diagonal = False

    @property
    def matrix(self) -> Any:
        """The matrix W, shape `(num_classes, num_classes)`."""
        return self.slopes
