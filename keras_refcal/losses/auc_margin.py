"""The AUC-margin loss, one class against the others."""

from typing import Any

from keras_refcal.losses.base import BatchPenalty
from keras_refcal.ops import auc_margin
from keras_refcal.registration import serializable
from keras_refcal.types import Tensor
from keras_refcal.validation import check_positive


@serializable
class AUCMarginLoss(BatchPenalty):
    """Raises the AUROC of each class by a margin between its mean scores.

    For the probabilities of a class, with mean and variance over its samples (+) and
    over all others (-), the loss is `var_+ + var_- + relu(margin + mean_- -
    mean_+)^2`, averaged over the classes that the batch has. A batch of one class
    only has value 0.

    The paper writes it as a min-max problem in two means and a dual variable and
    needs an optimizer of its own (PESG), because it estimates these across batches.
    Here they are solved exactly on each batch, which leaves a loss that any Keras
    optimizer minimises; batches should therefore hold several samples of each class.

    Args:
        margin: Number above 0; 1 asks for scores 1 and 0.
        **kwargs: `from_logits`, `ignore_class`, `name`, `reduction`, `dtype`; see
            `BatchPenalty`.

    Raises:
        ValueError: If `margin` is not positive, or if shapes or labels of a batch do
            not fit.

    Reference:
        [Yuan et al., 2021](https://arxiv.org/abs/2012.03173), eq. 4.

    Example:

    >>> import numpy as np
    >>> from keras_refcal.losses import AUCMarginLoss
    >>> probabilities = np.array([[0.75, 0.25], [0.25, 0.75]])
    >>> round(float(AUCMarginLoss()(np.array([0, 1]), probabilities)), 4)
    0.25
    """

    formula = "var₊ + var₋ + relu(m + mean₋ - mean₊)², mean over classes"
    use = "Trains for ranking (AUROC) where classes are few and unequal."
    term = "classification"

    def __init__(
        self, margin: float = 1.0, name: str | None = "auc_margin", **kwargs: Any
    ):
        super().__init__(name=name, **kwargs)
        check_positive("margin", margin)
        self.margin = margin

    def values(self, targets: Tensor, logits: Tensor, weight: Tensor) -> Any:
        """Returns the loss of the batch, a scalar."""
        return auc_margin.auc_margin(targets, logits, weight, self.margin)
