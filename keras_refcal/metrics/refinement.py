"""Refinement as the RefCal paper measures it."""

from typing import Any

from keras_refcal.metrics.multiclass_auroc import MulticlassAUROC
from keras_refcal.registration import serializable


@serializable
class Refinement(MulticlassAUROC):
    """Refinement in the sense of RefCal: macro AUROC of each class against each.

    `MulticlassAUROC(multi_class="ovo")` under the paper's name; range [0, 1], where
    the paper prints it times 100. See there for what is undefined, what the state
    costs and how far the exact figure can be. Refinement in the other sense, what
    remains of a proper score after calibration, is a part of `BrierScore`.

    Args:
        resolution: Number of fine bins; `None` chooses by the number of classes.
        name: Optional name of the metric.
        **kwargs: `from_logits`, `num_classes`, `ignore_class`, `multi_label`, `dtype`;
            see `ClassifierMetric`.

    Raises:
        ValueError: For fewer bins than two.

    Reference:
        [RefCal, 2026](https://arxiv.org/abs/2605.23249).

    Example:

    >>> import numpy as np
    >>> from keras_refcal.metrics import Refinement
    >>> metric = Refinement()
    >>> metric.update_state(
    ...     np.array([0, 1, 2]),
    ...     np.array([[0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.4, 0.4, 0.2]]),
    ... )
    >>> round(float(metric.result()), 4)
    0.8333
    """

    fixed = ("multi_class",)

    def __init__(
        self,
        resolution: int | None = None,
        name: str | None = "refinement",
        **kwargs: Any,
    ):
        super().__init__("ovo", resolution, name, **kwargs)
