"""Multi-class difference in confidence and accuracy, RefCal's calibration term."""

from typing import Any

from keras_refcal.losses.base import BatchPenalty
from keras_refcal.ops import calibration
from keras_refcal.registration import serializable
from keras_refcal.types import Tensor


@serializable
class MDCALoss(BatchPenalty):
    """Mean over classes of |mean probability - frequency| over the batch.

    A penalty to add to a classification loss: it is 0 when the mean probability of
    each class equals the share of the samples that have it. Range [0, 2 / C].

    Args:
        **kwargs: `from_logits`, `ignore_class`, `name`, `reduction`, `dtype`; see
            `BatchPenalty`.

    Raises:
        ValueError: If shapes or labels of a batch do not fit.

    Reference:
        [Hebbalaguppe et al., 2022](https://arxiv.org/abs/2203.13834), eq. 4.

    Example:

    >>> import numpy as np
    >>> from keras_refcal.losses import MDCALoss
    >>> probabilities = np.array([[0.9, 0.1], [0.7, 0.3]])
    >>> round(float(MDCALoss()(np.array([0, 1]), probabilities)), 4)
    0.3
    """

    formula = "mean over classes of |mean p_c - share of class c|"
    use = "RefCal's calibration term: corrects the batch's mean of every class."

    def __init__(self, name: str | None = "mdca", **kwargs: Any):
        super().__init__(name=name, **kwargs)

    def values(self, targets: Tensor, logits: Tensor, weight: Tensor) -> Any:
        """Returns the penalty of the batch, a scalar."""
        return calibration.mdca(targets, logits, weight)
