"""False positives at the price of a recall."""

from typing import Any

from keras_refcal.metrics.confidence_ranking import ConfidenceRanking
from keras_refcal.ops import ranking
from keras_refcal.registration import serializable
from keras_refcal.types import Tensor
from keras_refcal.validation import check_in_range


@serializable
class FalsePositiveRateAtRecall(ConfidenceRanking):
    """Share of wrong answers accepted where a share of the right ones is accepted.

    Answers are accepted in order of confidence, whole fine bins at a time, until the
    wanted share of the right answers is. Range [0, 1]. NaN unless there are both right
    and wrong answers. At least the exact rate, and at most `distance_bound()` above it.

    Args:
        recall: Wanted share of the right answers, in [0, 1].
        resolution: Number of fine bins.
        name: Optional name of the metric.
        **kwargs: `from_logits`, `num_classes`, `ignore_class`, `multi_label`, `dtype`;
            see `ClassifierMetric`.

    Raises:
        ValueError: For fewer bins than two, or a recall outside [0, 1].

    Reference:
        [Hendrycks and Gimpel, 2017](https://arxiv.org/abs/1610.02136).

    Example:

    >>> import numpy as np
    >>> from keras_refcal.metrics import FalsePositiveRateAtRecall
    >>> metric = FalsePositiveRateAtRecall()
    >>> metric.update_state(
    ...     np.array([1, 0, 1]), np.array([[0.1, 0.9], [0.4, 0.6], [0.3, 0.7]])
    ... )
    >>> round(float(metric.result()), 4)
    0.0
    """

    def __init__(
        self,
        recall: float = 0.95,
        resolution: int = 4096,
        name: str | None = "false_positive_rate_at_recall",
        **kwargs: Any,
    ):
        super().__init__(resolution=resolution, name=name, **kwargs)
        check_in_range("recall", recall, 0, 1)
        self.recall = recall

    def of_answers(self, weight: Tensor, correct: Any) -> Any:
        """Returns the rate."""
        return ranking.false_positive_rate(correct, weight - correct, self.recall)[0]

    def bound_of_answers(self, weight: Tensor, correct: Any) -> Any:
        """Returns the share of the wrong answers in the last accepted bin."""
        wrong = weight - correct
        high, low = ranking.false_positive_rate(correct, wrong, self.recall)
        return high - low
