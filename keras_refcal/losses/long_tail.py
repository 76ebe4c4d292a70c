"""Losses that know how many training samples each class has."""

from typing import Any

from keras import ops

from keras_refcal.losses.base import ClassificationLoss
from keras_refcal.ops import class_counts as counts
from keras_refcal.ops import classification
from keras_refcal.registration import serializable
from keras_refcal.types import Tensor
from keras_refcal.validation import (
    check_choice,
    check_class_counts,
    check_in_range,
    check_num_classes,
    check_positive,
)


class LongTailLoss(ClassificationLoss):
    """What the losses of this module share: the class counts and their check.

    Args:
        class_counts: Positive numbers, training samples of each class.
        **kwargs: `from_logits`, `ignore_class`, `name`, `reduction`, `dtype`; see
            `ClassificationLoss`.
    """

    def __init__(self, class_counts: Tensor, **kwargs: Any):
        super().__init__(**kwargs)
        self.class_counts = check_class_counts(class_counts)

    def by_class(self, numbers: Any, logits: Tensor) -> Any:
        """Returns one number a class as a tensor, if `logits` have as many classes."""
        check_num_classes("class_counts", len(numbers), logits)
        return ops.convert_to_tensor(numbers, logits.dtype)


@serializable
class LDAMLoss(LongTailLoss):
    """Cross-entropy with a margin for the label that is wider for rarer classes.

    The label's logit loses `max_margin * (n_min / n_c)^(1/4)`, all logits are then
    multiplied by `scale`. Made for logits that are cosines of features and class
    vectors. For deferred re-weighting (LDAM-DRW) give it to a `ClassBalancedLoss`.

    Args:
        class_counts: Positive numbers n_c, training samples of each class.
        max_margin: Number above 0, margin of the rarest class.
        scale: Number above 0.
        **kwargs: `from_logits`, `ignore_class`, `name`, `reduction`, `dtype`; see
            `ClassificationLoss`.

    Raises:
        ValueError: If an argument is out of range, or if shapes or labels of a batch
            do not fit.

    Reference:
        [Cao et al., 2019](https://arxiv.org/abs/1906.07413), eq. 13.

    Example:

    >>> import numpy as np
    >>> from keras_refcal.losses import LDAMLoss
    >>> loss = LDAMLoss(class_counts=[16, 1], scale=1.0, from_logits=True)
    >>> round(float(loss(np.array([0]), np.array([[0.25, 0.0]]))), 4)
    0.6931
    """

    formula = "cross-entropy of s (z - m_y e_y), m_c ∝ n_c^(-1/4)"
    use = "Long-tailed data with a cosine classifier; add deferred re-weighting."

    def __init__(
        self,
        class_counts: Tensor,
        max_margin: float = 0.5,
        scale: float = 30.0,
        name: str | None = "ldam",
        **kwargs: Any,
    ):
        super().__init__(class_counts, name=name, **kwargs)
        check_positive("max_margin", max_margin)
        check_positive("scale", scale)
        self.max_margin = max_margin
        self.scale = scale

    def values(self, targets: Tensor, logits: Tensor) -> Any:
        """Returns the loss of each sample, shape `(batch,)`."""
        margins = counts.ldam_margins(self.class_counts, self.max_margin)
        margins = self.by_class(margins, logits)
        logits = classification.margin_logits(targets, logits, margins, self.scale)
        return classification.cross_entropy(targets, logits)


@serializable
class LogitAdjustedLoss(LongTailLoss):
    """Cross-entropy of logits + tau times the logarithm of the class frequencies.

    The model then learns logits for balanced classes. Predict without adjustment.

    Args:
        class_counts: Positive numbers, training samples of each class.
        tau: Number above 0; 1 is consistent for the balanced error.
        **kwargs: `from_logits`, `ignore_class`, `name`, `reduction`, `dtype`; see
            `ClassificationLoss`.

    Raises:
        ValueError: If an argument is out of range, or if shapes or labels of a batch
            do not fit.

    Reference:
        [Menon et al., 2021](https://arxiv.org/abs/2007.07314), eq. 10.

    Example:

    >>> import numpy as np
    >>> from keras_refcal.losses import LogitAdjustedLoss
    >>> loss = LogitAdjustedLoss(class_counts=[3, 1], from_logits=True)
    >>> round(float(loss(np.array([0]), np.array([[0.0, 0.0]]))), 4)
    0.2877
    """

    formula = "cross-entropy of z + τ log(n_c / Σ n)"
    use = "Long-tailed data that is judged on all classes alike."

    def __init__(
        self,
        class_counts: Tensor,
        tau: float = 1.0,
        name: str | None = "logit_adjusted",
        **kwargs: Any,
    ):
        super().__init__(class_counts, name=name, **kwargs)
        check_positive("tau", tau)
        self.tau = tau

    def values(self, targets: Tensor, logits: Tensor) -> Any:
        """Returns the loss of each sample, shape `(batch,)`."""
        shift = self.tau * counts.log_priors(self.class_counts)
        logits = classification.below_greatest(logits) + self.by_class(shift, logits)
        return classification.cross_entropy(targets, logits)


@serializable
class BalancedSoftmaxLoss(LongTailLoss):
    """Cross-entropy of a softmax that weighs each class by its number of samples.

    Equal to `LogitAdjustedLoss` with `tau=1`. Predict without the weights.

    Args:
        class_counts: Positive numbers, training samples of each class.
        **kwargs: `from_logits`, `ignore_class`, `name`, `reduction`, `dtype`; see
            `ClassificationLoss`.

    Raises:
        ValueError: If `class_counts` does not fit, or shapes or labels of a batch.

    Reference:
        [Ren et al., 2020](https://arxiv.org/abs/2007.10740), eq. 3.

    Example:

    >>> import numpy as np
    >>> from keras_refcal.losses import BalancedSoftmaxLoss
    >>> loss = BalancedSoftmaxLoss(class_counts=[3, 1], from_logits=True)
    >>> round(float(loss(np.array([0]), np.array([[0.0, 0.0]]))), 4)
    0.2877
    """

    formula = "-log(n_y e^{z_y} / Σ_c n_c e^{z_c})"
    use = "Long-tailed data that is judged on all classes alike; nothing to tune."

    def __init__(
        self, class_counts: Tensor, name: str | None = "balanced_softmax", **kwargs: Any
    ):
        super().__init__(class_counts, name=name, **kwargs)

    def values(self, targets: Tensor, logits: Tensor) -> Any:
        """Returns the loss of each sample, shape `(batch,)`."""
        shift = counts.log_priors(self.class_counts)
        logits = classification.below_greatest(logits) + self.by_class(shift, logits)
        return classification.cross_entropy(targets, logits)


@serializable
class LabelAwareSmoothingLoss(LongTailLoss):
    """MiSLAS: label smoothing that is stronger for more frequent classes.

    The smoothing of a class grows from `smooth_tail` at the rarest to `smooth_head`
    at the most frequent. Made for the second stage, on a frozen encoder.

    Args:
        class_counts: Positive numbers, training samples of each class.
        smooth_head: Number in [0, 1]. 0.4 is published for CIFAR-100-LT at 0.01.
        smooth_tail: Number in [0, 1].
        shape: How smoothing grows with the number of samples: `"concave"`,
            `"linear"` or `"convex"`.
        variant: `"published"`, their code, smooths over all classes; `"paper"` over all
            but the label.
        **kwargs: `from_logits`, `ignore_class`, `name`, `reduction`, `dtype`; see
            `ClassificationLoss`.

    Raises:
        ValueError: If an argument is out of range, or if shapes or labels of a batch
            do not fit.

    Reference:
        [Zhong et al., 2021](https://arxiv.org/abs/2104.00466), eq. 4 to 7.

    Example:

    >>> import numpy as np
    >>> from keras_refcal.losses import LabelAwareSmoothingLoss
    >>> loss = LabelAwareSmoothingLoss([90, 10])
    >>> probabilities = np.array([[0.75, 0.25], [0.25, 0.75]])
    >>> round(float(loss(np.array([0, 0]), probabilities)), 4)
    0.837
    """

    formula = "cross-entropy with smoothing ε_y that grows with n_y"
    use = "Stage 2 on long-tailed data: head classes are the over-confident ones."

    def __init__(
        self,
        class_counts: Tensor,
        smooth_head: float = 0.4,
        smooth_tail: float = 0.1,
        shape: str = "concave",
        variant: str = "published",
        name: str | None = "label_aware_smoothing",
        **kwargs: Any,
    ):
        super().__init__(class_counts, name=name, **kwargs)
        check_in_range("smooth_head", smooth_head, 0, 1)
        check_in_range("smooth_tail", smooth_tail, 0, 1)
        check_choice("shape", shape, ("concave", "linear", "convex"))
        check_choice("variant", variant, ("published", "paper"))
        self.smooth_head = smooth_head
        self.smooth_tail = smooth_tail
        self.shape = shape
        self.variant = variant

    def values(self, targets: Tensor, logits: Tensor) -> Any:
        """Returns the loss of each sample, shape `(batch,)`."""
        smoothing = counts.label_aware_smoothing(
            self.class_counts, self.smooth_head, self.smooth_tail, self.shape
        )
        smoothing = self.by_class(smoothing, logits)
        spread = "uniform" if self.variant == "published" else "others"
        return classification.cross_entropy(targets, logits, smoothing, spread)
