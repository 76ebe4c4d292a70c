"""Maximum mean calibration error, weighted and unweighted."""

from typing import Any

from keras_refcal.losses.base import BatchPenalty
from keras_refcal.ops import calibration
from keras_refcal.registration import serializable
from keras_refcal.types import Tensor
from keras_refcal.validation import check_choice


@serializable
class MMCELoss(BatchPenalty):
    """Calibration error of a batch in a kernel space of confidences.

    A penalty to add to a classification loss. With confidences r, correctness c and
    the kernel `k_ij = exp(-|r_i - r_j| / 0.4)`, unweighted MMCE squared is
    `mean_ij (c_i - r_i) (c_j - r_j) k_ij`; the weighted form gives right and wrong
    samples the same say and is 0 if the batch has only one of them.

    The published code differs from the paper, and `variant` names the two:
    the weighted form divides each mean over pairs by the number of pairs once more,
    the unweighted one leaves the square root out.

    Args:
        weighted: Whether right and wrong samples have the same say.
        variant: `"published"`, as all published code computes, or `"paper"`.
        **kwargs: `from_logits`, `ignore_class`, `name`, `reduction`, `dtype`; see
            `BatchPenalty`.

    Raises:
        ValueError: If `variant` is unknown, or shapes or labels of a batch do not
            fit.

    Reference:
        [Kumar et al., 2018](https://proceedings.mlr.press/v80/kumar18a.html), eq. 6
        and 9.

    Example:

    >>> import numpy as np
    >>> from keras_refcal.losses import MMCELoss
    >>> loss = MMCELoss(weighted=False, variant="paper")
    >>> probabilities = np.array([[0.75, 0.25], [0.75, 0.25]])
    >>> round(float(loss(np.array([0, 1]), probabilities)), 4)
    0.25
    """

    formula = "root of mean_ij (c_i - r_i)(c_j - r_j) exp(-|r_i - r_j| / 0.4)"
    use = "Corrects confidence where similar confidences are wrong together."

    def __init__(
        self,
        weighted: bool = True,
        variant: str = "published",
        name: str | None = "mmce",
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        check_choice("variant", variant, ("published", "paper"))
        self.weighted = weighted
        self.variant = variant

    def values(self, targets: Tensor, logits: Tensor, weight: Tensor) -> Any:
        """Returns the penalty of the batch, a scalar."""
        form = calibration.mmce_weighted if self.weighted else calibration.mmce
        return form(targets, logits, weight, self.variant)
