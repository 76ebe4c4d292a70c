"""The thresholded adaptive calibration error."""

from typing import Any

from keras_refcal.metrics.calibration_error import BinnedCalibrationError
from keras_refcal.registration import serializable


@serializable
class ThresholdedAdaptiveCalibrationError(BinnedCalibrationError):
    """TACE: `AdaptiveCalibrationError` of the probabilities above a threshold.

    Bins hold equally many samples of all, but a probability below the threshold counts
    neither as probability nor as event. Range [0, 1]. NaN without samples.
    `distance_bound()` says how far the exact figure can be.

    Args:
        num_bins: Number of bins.
        threshold: Probabilities below this are left out; in [0, 1].
        name: Optional name of the metric.
        **kwargs: `from_logits`, `num_classes`, `ignore_class`, `multi_label`, `dtype`;
            see `ClassifierMetric`.

    Raises:
        ValueError: For an unknown name, or fewer bins than one.

    Reference:
        [Nixon et al., 2019](https://arxiv.org/abs/1904.01685).

    Example:

    >>> import numpy as np
    >>> from keras_refcal.metrics import ThresholdedAdaptiveCalibrationError
    >>> metric = ThresholdedAdaptiveCalibrationError(num_bins=2)
    >>> metric.update_state(np.array([1, 0]), np.array([[0.1, 0.9], [0.4, 0.6]]))
    >>> round(float(metric.result()), 4)
    0.35
    """

    distance = "`distance_bound()`"

    fixed = ("binning", "norm", "kind", "debias", "convention")

    def __init__(
        self,
        num_bins: int = 15,
        threshold: float = 0.01,
        name: str | None = "thresholded_adaptive_calibration_error",
        **kwargs: Any,
    ):
        super().__init__(
            threshold=threshold,
            num_bins=num_bins,
            kind="classwise",
            binning="quantile",
            name=name,
            **kwargs,
        )
