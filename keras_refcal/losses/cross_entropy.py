"""Cross-entropy, the classification term of RefCal."""

from typing import Any

from keras_refcal.losses.base import ClassificationLoss
from keras_refcal.ops import classification
from keras_refcal.registration import serializable
from keras_refcal.types import Tensor
from keras_refcal.validation import check_choice, check_in_range


@serializable
class CrossEntropyLoss(ClassificationLoss):
    """Cross-entropy between labels and predictions, in nats.

    For target row q and predicted probabilities p the value of a sample is
    `-sum_c q_c log p_c`. Labels may be class ids, one-hot or soft (mixup, CutMix).

    Args:
        label_smoothing: Number in [0, 1]: the share of each target row that is
            spread over the classes.
        spread: `"uniform"` spreads it evenly over all classes, as Keras and PyTorch
            do; `"others"` over all but the one it is taken from, as RefCal and MDCA
            do.
        **kwargs: `from_logits`, `ignore_class`, `name`, `reduction`, `dtype`; see
            `ClassificationLoss`.

    Raises:
        ValueError: If `label_smoothing` is outside [0, 1], `spread` is unknown, or
            if shapes or labels of a batch do not fit.

    Reference:
        [Szegedy et al., 2016](https://arxiv.org/abs/1512.00567), section 7.

    Example:

    >>> import numpy as np
    >>> from keras_refcal.losses import CrossEntropyLoss
    >>> probabilities = np.array([[0.5, 0.5], [0.25, 0.75]])
    >>> loss = CrossEntropyLoss()
    >>> round(float(loss(np.array([0, 1]), probabilities)), 4)
    0.4904
    """

    formula = "-Σ_c q_c log p_c, with q smoothed by alpha"
    use = "The default; with `label_smoothing` less over-confident."

    def __init__(
        self,
        label_smoothing: float = 0.0,
        spread: str = "uniform",
        name: str | None = "cross_entropy",
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        check_in_range("label_smoothing", label_smoothing, 0, 1)
        check_choice("spread", spread, ("uniform", "others"))
        self.label_smoothing = label_smoothing
        self.spread = spread

    def values(self, targets: Tensor, logits: Tensor) -> Any:
        """Returns the cross-entropy of each sample, shape `(batch,)`."""
        return classification.cross_entropy(
            targets, logits, self.label_smoothing, self.spread
        )
