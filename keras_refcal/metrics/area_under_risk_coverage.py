"""Area under the risk-coverage curve."""

from typing import Any

from keras import ops

from keras_refcal.metrics.confidence_ranking import ConfidenceRanking
from keras_refcal.ops import ranking
from keras_refcal.registration import serializable
from keras_refcal.types import Tensor


@serializable
class AreaUnderRiskCoverage(ConfidenceRanking):
    """AURC: mean error rate of the k most confident samples, over all k.

    Equal confidences come in any order: the figure is the expected one. Range [0, 1].
    NaN without samples. A weight counts as that many repetitions. Within
    `distance_bound()` of the exact area in every order of what shares a fine bin.

    Args:
        resolution: Number of fine bins.
        name: Optional name of the metric.
        **kwargs: `from_logits`, `num_classes`, `ignore_class`, `multi_label`, `dtype`;
            see `ClassifierMetric`.

    Raises:
        ValueError: For fewer bins than two.

    Reference:
        [Geifman et al., 2019](https://arxiv.org/abs/1805.08206).

    Example:

    >>> import numpy as np
    >>> from keras_refcal.metrics import AreaUnderRiskCoverage
    >>> metric = AreaUnderRiskCoverage()
    >>> metric.update_state(
    ...     np.array([1, 0, 1]), np.array([[0.1, 0.9], [0.4, 0.6], [0.3, 0.7]])
    ... )
    >>> round(float(metric.result()), 4)
    0.1111
    """

    def __init__(
        self,
        resolution: int = 4096,
        name: str | None = "area_under_risk_coverage",
        **kwargs: Any,
    ):
        super().__init__(resolution=resolution, name=name, **kwargs)

    def of_answers(self, weight: Tensor, correct: Any) -> Any:
        """Returns the area."""
        return ranking.risk_coverage(weight, correct)[0]

    def bound_of_answers(self, weight: Tensor, correct: Any) -> Any:
        """Returns the distance to the best or the worst order inside the bins."""
        expected, best, worst = ranking.risk_coverage(weight, correct)
        above, below = worst - expected, expected - best
        return ops.where(above > below, above, below)
