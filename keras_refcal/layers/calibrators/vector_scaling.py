"""Vector scaling."""

from typing import Any

import numpy as np
from keras import ops

from keras_refcal.fitting.linear import fit_vector
from keras_refcal.layers.calibrators.base import Calibrator
from keras_refcal.registration import serializable
from keras_refcal.types import Tensor
from keras_refcal.validation import check_non_negative


@serializable
class VectorScaling(Calibrator):
    """Scales and shifts the logit of each class: `softmax(w * z + b)`.

    It can change the predicted class. A class without validation samples keeps, on
    average, the share of probability that the best temperature gives it. Adding a
    constant to a row of logits changes the output, so that fitting on logits and on
    probabilities are different calibrators.

    Args:
        l2: `None` to shrink w and b towards the best temperature, by a strength that
            cross-validation inside `fit` chooses: it is never worse than that one
            temperature beyond noise. Or a number of 0 or more, as published: `l2 / 2`
            times the squared distance of w from 1 and b from 0 is added to the loss.
        from_logits: Whether the scores are logits; otherwise probabilities.
        **kwargs: `multi_label` of `Calibrator`; `name`, `dtype` of
            `keras.layers.Layer`.

    Call arguments:
        inputs: Scores, shape `(batch, num_classes)`, or `(batch, 1)` for class 1 of
            two.

    Returns:
        Probabilities of the shape of the inputs.

    Raises:
        ValueError: If `l2` is negative.

    Reference:
        [Guo et al., 2017](https://arxiv.org/abs/1706.04599), section 4.2.

    Example:

    >>> import numpy as np
    >>> from keras_refcal.layers import VectorScaling
    >>> logits = np.array([[4.0, 0.0], [4.0, 0.0], [4.0, 0.0], [0.0, 4.0]])
    >>> layer = VectorScaling(l2=1e-7).fit([0, 0, 1, 1], logits)
    >>> print(f"{float(layer(logits)[0, 0]):.3f}")
    0.667
    """

    depends_on_shift = True

    def __init__(self, l2: Any = None, from_logits: bool = True, **kwargs: Any):
        super().__init__(from_logits=from_logits, **kwargs)
        if l2 is not None:
            check_non_negative("l2", l2)
        self.l2 = l2
        self.fallback = l2 is None

    def build_state(self, num_classes: int) -> None:
        """Creates w = 1 and b = 0."""
        self.scale = self.add_state("scale", np.ones(num_classes))
        self.bias = self.add_state("bias", np.zeros(num_classes))

    def calibrate(self, logits: Tensor) -> Any:
        """Returns `softmax(w * logits + b)`."""
        return ops.softmax(logits * self.scale + self.bias, axis=-1)

    def fit_state(self, data: Any) -> Any:
        """Returns w and b of least loss."""
        return fit_vector(data, self.l2)

    def one_temperature(self, temperature: Any) -> Any:
        """Returns w = 1 / T and b = 0."""
        ones = np.ones(self.num_classes)
        return ones / temperature, 0 * ones
