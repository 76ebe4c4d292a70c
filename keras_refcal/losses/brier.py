"""Brier score as a loss."""

from typing import Any

from keras_refcal.losses.base import ClassificationLoss
from keras_refcal.ops import classification
from keras_refcal.registration import serializable
from keras_refcal.types import Tensor


@serializable
class BrierLoss(ClassificationLoss):
    """Squared distance between probabilities and target row, summed over classes.

    Proper, and bounded: range [0, 2].

    Args:
        **kwargs: `from_logits`, `ignore_class`, `name`, `reduction`, `dtype`; see
            `ClassificationLoss`.

    Raises:
        ValueError: If shapes or labels of a batch do not fit.

    Reference:
        [Brier, 1950](https://doi.org/10.1175/1520-0493%281950%29078%3C0001:VOFEIT%3E2.0.CO;2).

    Example:

    >>> import numpy as np
    >>> from keras_refcal.losses import BrierLoss
    >>> round(float(BrierLoss()(np.array([0]), np.array([[0.75, 0.25]]))), 4)
    0.125
    """

    formula = "Σ_c (p_c - q_c)²"
    use = "A proper score that wrong labels cannot drive to infinity."

    def __init__(self, name: str | None = "brier", **kwargs: Any):
        super().__init__(name=name, **kwargs)

    def values(self, targets: Tensor, logits: Tensor) -> Any:
        """Returns the Brier score of each sample, shape `(batch,)`."""
        return classification.brier(targets, logits)
