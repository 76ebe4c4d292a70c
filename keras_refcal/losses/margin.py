"""Cross-entropy with a penalty on logits that lie too far apart: MbLS and ACLS."""

from typing import Any

from keras_refcal.losses.base import ClassificationLoss
from keras_refcal.ops import classification
from keras_refcal.registration import serializable
from keras_refcal.types import Tensor
from keras_refcal.validation import check_choice, check_non_negative, check_positive


@serializable
class MarginLabelSmoothingLoss(ClassificationLoss):
    """MbLS: cross-entropy + alpha · mean over classes of relu(max z - z_c - margin).

    Args:
        margin: Number above 0, in units of logits: distances up to it are free.
        alpha: Number of 0 or more. The README of RefCal has 0.01.
        **kwargs: `from_logits`, `ignore_class`, `name`, `reduction`, `dtype`; see
            `ClassificationLoss`.

    Raises:
        ValueError: If `margin` or `alpha` is out of range, or if shapes or labels of
            a batch do not fit.

    Reference:
        [Liu et al., 2022](https://arxiv.org/abs/2111.15430), eq. 7.

    Example:

    >>> import numpy as np
    >>> from keras_refcal.losses import MarginLabelSmoothingLoss
    >>> loss = MarginLabelSmoothingLoss(margin=2.0, from_logits=True)
    >>> round(float(loss(np.array([0]), np.array([[6.0, 0.0]]))), 4)
    0.2025
    """

    formula = "cross-entropy + alpha · mean_c relu(max z - z_c - m)"
    use = "Label smoothing that lets logits separate up to a margin."

    def __init__(
        self,
        margin: float = 10.0,
        alpha: float = 0.1,
        name: str | None = "margin_label_smoothing",
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        check_positive("margin", margin)
        check_non_negative("alpha", alpha)
        self.margin = margin
        self.alpha = alpha

    def values(self, targets: Tensor, logits: Tensor) -> Any:
        """Returns the loss of each sample, shape `(batch,)`."""
        excess = classification.margin_excess(logits, self.margin)
        return classification.cross_entropy(targets, logits) + self.alpha * excess


@serializable
class ACLSLoss(ClassificationLoss):
    """ACLS: cross-entropy + alpha times a squared penalty beyond a margin.

    With z_max the greatest logit of a sample, the penalty is
    `pos_lambda · relu(z_max - margin)^2 + neg_lambda · mean relu(z_max - z_c -
    margin)^2` over the other classes c, in the second term of which z_max counts as
    constant. The first term depends on the logits themselves, not only on their
    differences. RefCal's own ACLS is another formula (its weight reads the logit of
    class 0); this one is that of the ACLS authors.

    Args:
        margin: Number above 0, in units of logits.
        alpha: Number of 0 or more, weight of the penalty.
        pos_lambda: Number of 0 or more, weight of the predicted class.
        neg_lambda: Number of 0 or more, weight of the other classes.
        variant: `"published"`, their code; or `"paper"`, whose first term has
            `z_max - z_min` instead of z_max, with z_min constant.
        **kwargs: `from_logits`, `ignore_class`, `name`, `reduction`, `dtype`; see
            `ClassificationLoss`.

    Raises:
        ValueError: If an argument is out of range, or if shapes or labels of a batch
            do not fit.

    Reference:
        [Park et al., 2023](https://arxiv.org/abs/2308.11911).

    Example:

    >>> import numpy as np
    >>> from keras_refcal.losses import ACLSLoss
    >>> loss = ACLSLoss(margin=2.0, from_logits=True)
    >>> round(float(loss(np.array([0]), np.array([[4.0, 0.0]]))), 4)
    0.4581
    """

    formula = (
        "cross-entropy + alpha (λ₁ relu(max z - m)² + λ₂ mean relu(max z - z_c - m)²)"
    )
    use = "Smooths more the further logits lie beyond the margin."

    def __init__(
        self,
        margin: float = 10.0,
        alpha: float = 0.1,
        pos_lambda: float = 1.0,
        neg_lambda: float = 0.1,
        variant: str = "published",
        name: str | None = "acls",
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        check_positive("margin", margin)
        check_non_negative("alpha", alpha)
        check_non_negative("pos_lambda", pos_lambda)
        check_non_negative("neg_lambda", neg_lambda)
        check_choice("variant", variant, ("published", "paper"))
        self.margin = margin
        self.alpha = alpha
        self.pos_lambda = pos_lambda
        self.neg_lambda = neg_lambda
        self.variant = variant

    def values(self, targets: Tensor, logits: Tensor) -> Any:
        """Returns the loss of each sample, shape `(batch,)`."""
        excess = classification.adaptive_margin_excess(
            logits, self.margin, self.pos_lambda, self.neg_lambda, self.variant
        )
        return classification.cross_entropy(targets, logits) + self.alpha * excess
