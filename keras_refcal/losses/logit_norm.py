"""Cross-entropy of logits of one length."""

from typing import Any

from keras_refcal.losses.base import ClassificationLoss
from keras_refcal.ops import classification
from keras_refcal.registration import serializable
from keras_refcal.types import Tensor
from keras_refcal.validation import check_positive


@serializable
class LogitNormLoss(ClassificationLoss):
    """Cross-entropy of `logits / (|logits| + 1e-7) / temperature`.

    The length of the logits can then not grow to lower the loss. The loss depends on
    the logits themselves, not only on their differences: from probabilities it takes
    their logarithms. The gradient at a row of zeros is finite but huge. One column of
    logits is refused: `[0, z]` has no direction but its sign.

    Args:
        temperature: Number above 0; the logits that cross-entropy sees have length
            `1 / temperature`.
        **kwargs: `from_logits`, `ignore_class`, `name`, `reduction`, `dtype`; see
            `ClassificationLoss`.

    Raises:
        ValueError: If `temperature` is not positive, or if shapes or labels of a
            batch do not fit.

    Reference:
        [Wei et al., 2022](https://arxiv.org/abs/2205.09310), eq. 4.

    Example:

    >>> import numpy as np
    >>> from keras_refcal.losses import LogitNormLoss
    >>> loss = LogitNormLoss(temperature=1.0, from_logits=True)
    >>> round(float(loss(np.array([0]), np.array([[3.0, 4.0]]))), 4)
    0.7981
    """

    formula = "cross-entropy of z / (|z| · T)"
    use = "Against over-confidence, above all on inputs from elsewhere."
    takes_one_logit = False

    def __init__(
        self, temperature: float = 0.04, name: str | None = "logit_norm", **kwargs: Any
    ):
        super().__init__(name=name, **kwargs)
        check_positive("temperature", temperature)
        self.temperature = temperature

    def values(self, targets: Tensor, logits: Tensor) -> Any:
        """Returns the loss of each sample, shape `(batch,)`."""
        return classification.logit_norm(targets, logits, self.temperature)
