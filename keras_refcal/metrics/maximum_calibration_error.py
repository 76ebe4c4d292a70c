"""The maximum calibration error."""

from typing import Any

from keras_refcal.metrics.calibration_error import BinnedCalibrationError
from keras_refcal.registration import serializable


@serializable
class MaximumCalibrationError(BinnedCalibrationError):
    """Largest |confidence - accuracy| of a bin of the predicted probability.

    Of the bins of equal width that hold a sample. Range [0, 1]. NaN without samples.
    Equal to `evaluation.evaluate`'s `mce` up to float32 rounding.

    Args:
        num_bins: Number of bins.
        convention: Side on which bins are closed, `"guo"`, `"netcal"` or
            `"torchmetrics"`; see `ExpectedCalibrationError`.
        name: Optional name of the metric.
        **kwargs: `from_logits`, `num_classes`, `ignore_class`, `multi_label`, `dtype`;
            see `ClassifierMetric`.

    Raises:
        ValueError: For an unknown name, or fewer bins than one.

    Reference:
        [Guo et al., 2017](https://arxiv.org/abs/1706.04599), eq. 5.

    Example:

    >>> import numpy as np
    >>> from keras_refcal.metrics import MaximumCalibrationError
    >>> metric = MaximumCalibrationError(num_bins=10)
    >>> metric.update_state(np.array([1, 0]), np.array([[0.1, 0.9], [0.4, 0.6]]))
    >>> round(float(metric.result()), 4)
    0.6
    """

    fixed = ("binning", "norm", "kind", "debias", "threshold")

    def __init__(
        self,
        num_bins: int = 15,
        convention: Any = "guo",
        name: str | None = "maximum_calibration_error",
        **kwargs: Any,
    ):
        super().__init__(
            num_bins=num_bins,
            convention=convention,
            norm="max",
            name=name,
            **kwargs,
        )
