"""Area under the risk-coverage curve above the least possible."""

from typing import Any

from keras_refcal.metrics.area_under_risk_coverage import AreaUnderRiskCoverage
from keras_refcal.ops import ranking
from keras_refcal.registration import serializable
from keras_refcal.types import Tensor


@serializable
class ExcessAURC(AreaUnderRiskCoverage):
    """E-AURC: AURC minus that of a perfect ranking at the same error rate.

    The perfect area is `r + (1 - r) ln(1 - r)` at error rate r, its limit for many
    samples; the figure is 0 or more up to a term of order 1/n. NaN without samples. See
    `AreaUnderRiskCoverage` for ties, weights and `distance_bound()`.

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
    >>> from keras_refcal.metrics import ExcessAURC
    >>> metric = ExcessAURC()
    >>> metric.update_state(
    ...     np.array([1, 0, 1]), np.array([[0.1, 0.9], [0.4, 0.6], [0.3, 0.7]])
    ... )
    >>> round(float(metric.result()), 4)
    0.0481
    """

    def __init__(
        self,
        resolution: int = 4096,
        name: str | None = "excess_aurc",
        **kwargs: Any,
    ):
        super().__init__(resolution=resolution, name=name, **kwargs)

    def of_answers(self, weight: Tensor, correct: Any) -> Any:
        """Returns the excess area."""
        area = super().of_answers(weight, correct)
        return area - ranking.best_risk_coverage(weight, correct)
