"""Difference between confidence and accuracy."""

from typing import Any

from keras_refcal.losses.base import BatchPenalty
from keras_refcal.ops import calibration
from keras_refcal.registration import serializable
from keras_refcal.types import Tensor


@serializable
class DCALoss(BatchPenalty):
    """|Mean confidence - accuracy| over the batch.

    A penalty to add to a classification loss. Confidence is the greatest
    probability; accuracy counts as constant in the gradient. Range [0, 1].

    Args:
        **kwargs: `from_logits`, `ignore_class`, `name`, `reduction`, `dtype`; see
            `BatchPenalty`.

    Raises:
        ValueError: If shapes or labels of a batch do not fit.

    Reference:
        [Liang et al., 2020](https://arxiv.org/abs/2009.04057), eq. 2.

    Example:

    >>> import numpy as np
    >>> from keras_refcal.losses import DCALoss
    >>> probabilities = np.array([[0.9, 0.1], [0.7, 0.3]])
    >>> round(float(DCALoss()(np.array([0, 1]), probabilities)), 4)
    0.3
    """

    formula = "|mean max_c p_c - accuracy|"
    use = "Corrects the batch's mean confidence with one number; see MDCA for classes."

    def __init__(self, name: str | None = "dca", **kwargs: Any):
        super().__init__(name=name, **kwargs)

    def values(self, targets: Tensor, logits: Tensor, weight: Tensor) -> Any:
        """Returns the penalty of the batch, a scalar."""
        return calibration.dca(targets, logits, weight)
