"""The adaptive calibration error."""

from typing import Any

from keras_refcal.metrics.calibration_error import BinnedCalibrationError
from keras_refcal.registration import serializable


@serializable
class AdaptiveCalibrationError(BinnedCalibrationError):
    """ACE: mean over classes of |probability - frequency| over bins of equal mass.

    As `StaticCalibrationError`, with bins that hold equally many samples each, cut from
    a fine histogram of each class. Range [0, 1]. NaN without samples.
    `distance_bound()` says how far the exact figure can be.

    Args:
        num_bins: Number of bins.
        name: Optional name of the metric.
        **kwargs: `from_logits`, `num_classes`, `ignore_class`, `multi_label`, `dtype`;
            see `ClassifierMetric`.

    Raises:
        ValueError: For an unknown name, or fewer bins than one.

    Reference:
        [Nixon et al., 2019](https://arxiv.org/abs/1904.01685).

    Example:

    >>> import numpy as np
    >>> from keras_refcal.metrics import AdaptiveCalibrationError
    >>> metric = AdaptiveCalibrationError(num_bins=2)
    >>> metric.update_state(np.array([1, 0]), np.array([[0.1, 0.9], [0.4, 0.6]]))
    >>> round(float(metric.result()), 4)
    0.35
    """

    distance = "`distance_bound()`"

    fixed = ("binning", "norm", "kind", "debias", "convention", "threshold")

    def __init__(
        self,
        num_bins: int = 15,
        name: str | None = "adaptive_calibration_error",
        **kwargs: Any,
    ):
        super().__init__(
            num_bins=num_bins,
            kind="classwise",
            binning="quantile",
            name=name,
            **kwargs,
        )
