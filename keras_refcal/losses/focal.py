"""Focal loss, and its form with an exponent that depends on the sample."""

from typing import Any

from keras_refcal.losses.base import ClassificationLoss
from keras_refcal.ops import classification
from keras_refcal.registration import serializable
from keras_refcal.types import Tensor
from keras_refcal.validation import check_non_negative


@serializable
class FocalLoss(ClassificationLoss):
    """Cross-entropy that counts confident samples less.

    The value of a sample is `-sum_c q_c (1 - p_c)^gamma log p_c` for target row q;
    for a class id that is `-(1 - p)^gamma log p` with p the probability of the label.
    There is no class factor (alpha of the paper).

    Args:
        gamma: Number of 0 or more; 0 is cross-entropy.
        **kwargs: `from_logits`, `ignore_class`, `name`, `reduction`, `dtype`; see
            `ClassificationLoss`.

    Raises:
        ValueError: If `gamma` is negative, or if shapes or labels of a batch do not
            fit.

    Reference:
        [Lin et al., 2017](https://arxiv.org/abs/1708.02002), eq. 4.

    Example:

    >>> import numpy as np
    >>> from keras_refcal.losses import FocalLoss
    >>> round(float(FocalLoss()(np.array([0]), np.array([[0.5, 0.5]]))), 4)
    0.1733
    """

    formula = "-(1 - p_y)^gamma log p_y"
    use = "Calibrates by keeping right answers from growing over-confident."

    def __init__(self, gamma: float = 2.0, name: str | None = "focal", **kwargs: Any):
        super().__init__(name=name, **kwargs)
        check_non_negative("gamma", gamma)
        self.gamma = gamma

    def values(self, targets: Tensor, logits: Tensor) -> Any:
        """Returns the focal loss of each sample, shape `(batch,)`."""
        return classification.focal(targets, logits, self.gamma)


@serializable
class SampleDependentFocalLoss(ClassificationLoss):
    """FLSD-53: focal loss with exponent 5 for small probabilities, 3 for others.

    The exponent is 5 where the label's probability is below 0.2, 3 below 0.5, and
    `gamma` from there on; it counts as constant in the gradient. With soft labels
    each class has the exponent of its own probability.

    Args:
        gamma: Number of 0 or more. The published code of RefCal has 1.
        **kwargs: `from_logits`, `ignore_class`, `name`, `reduction`, `dtype`; see
            `ClassificationLoss`.

    Raises:
        ValueError: If `gamma` is negative, or if shapes or labels of a batch do not
            fit.

    Reference:
        [Mukhoti et al., 2020](https://arxiv.org/abs/2002.09437), section 5.

    Example:

    >>> import numpy as np
    >>> from keras_refcal.losses import SampleDependentFocalLoss
    >>> loss = SampleDependentFocalLoss()
    >>> round(float(loss(np.array([0]), np.array([[0.1, 0.9]]))), 4)
    1.3597
    """

    formula = "-(1 - p_y)^gamma(p_y) log p_y; gamma = 5 below 0.2, else 3"
    use = "Focal loss without a gamma to tune; strongest on hard samples."

    def __init__(
        self,
        gamma: float = 3.0,
        name: str | None = "sample_dependent_focal",
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        check_non_negative("gamma", gamma)
        self.gamma = gamma

    def values(self, targets: Tensor, logits: Tensor) -> Any:
        """Returns the loss of each sample, shape `(batch,)`."""
        gamma = classification.sample_dependent_gamma(logits, self.gamma)
        return classification.focal(targets, logits, gamma)
