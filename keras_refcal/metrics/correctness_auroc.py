"""Confidence as a score of being right."""

from typing import Any

from keras_refcal.metrics.confidence_ranking import ConfidenceRanking
from keras_refcal.ops import ranking
from keras_refcal.registration import serializable
from keras_refcal.types import Tensor


@serializable
class CorrectnessAUROC(ConfidenceRanking):
    """P(a right answer is more confident than a wrong one), ties counting half.

    Range [0, 1], 0.5 for a confidence that says nothing. NaN unless there are both
    right and wrong answers. Within `distance_bound()` of the exact area: half the
    share of the pairs that meet in a fine bin.

    Args:
        resolution: Number of fine bins.
        name: Optional name of the metric.
        **kwargs: `from_logits`, `num_classes`, `ignore_class`, `multi_label`, `dtype`;
            see `ClassifierMetric`.

    Raises:
        ValueError: For fewer bins than two.

    Reference:
        [Hendrycks and Gimpel, 2017](https://arxiv.org/abs/1610.02136).

    Example:

    >>> import numpy as np
    >>> from keras_refcal.metrics import CorrectnessAUROC
    >>> metric = CorrectnessAUROC()
    >>> metric.update_state(
    ...     np.array([1, 0, 1]), np.array([[0.1, 0.9], [0.4, 0.6], [0.3, 0.7]])
    ... )
    >>> round(float(metric.result()), 4)
    1.0
    """

    def __init__(
        self,
        resolution: int = 4096,
        name: str | None = "correctness_auroc",
        **kwargs: Any,
    ):
        super().__init__(resolution=resolution, name=name, **kwargs)

    def of_answers(self, weight: Tensor, correct: Any) -> Any:
        """Returns the area."""
        return ranking.binary_auroc(correct, weight - correct)

    def bound_of_answers(self, weight: Tensor, correct: Any) -> Any:
        """Returns half the share of the tied pairs."""
        return ranking.tied_pairs(correct, weight - correct) / 2
