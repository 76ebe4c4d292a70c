"""The overconfidence error."""

from typing import Any

from keras_refcal.metrics.base import ClassifierMetric
from keras_refcal.metrics.counters import TopLabelBins
from keras_refcal.ops import calibration_error
from keras_refcal.registration import serializable
from keras_refcal.types import Tensor


@serializable
class OverconfidenceError(ClassifierMetric):
    """Mean of confidence times the gap of its bin, where confidence exceeds accuracy.

    Counts overconfidence alone, and more at high confidence. Range [0, 1]. NaN without
    samples. Equal to `evaluation.evaluate`'s figure up to float32 rounding.

    Args:
        num_bins: Number of bins of equal width.
        convention: Side on which bins are closed, `"guo"`, `"netcal"` or
            `"torchmetrics"`; see `ExpectedCalibrationError`.
        name: Optional name of the metric.
        **kwargs: `from_logits`, `num_classes`, `ignore_class`, `multi_label`, `dtype`;
            see `ClassifierMetric`.

    Raises:
        ValueError: For an unknown convention, or fewer bins than one.

    Reference:
        [Thulasidasan et al., 2019](https://arxiv.org/abs/1905.11001).

    Example:

    >>> import numpy as np
    >>> from keras_refcal.metrics import OverconfidenceError
    >>> metric = OverconfidenceError(num_bins=10)
    >>> metric.update_state(np.array([1, 0]), np.array([[0.1, 0.9], [0.4, 0.6]]))
    >>> round(float(metric.result()), 4)
    0.18
    """

    def __init__(
        self,
        num_bins: int = 15,
        convention: Any = "guo",
        name: str | None = "overconfidence_error",
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        self.num_bins = num_bins
        self.convention = convention
        self.count(bins=TopLabelBins(num_bins, convention))

    def score(self, bins: Tensor) -> Any:
        """Returns the error."""
        return calibration_error.overconfidence_error(bins[:3])
