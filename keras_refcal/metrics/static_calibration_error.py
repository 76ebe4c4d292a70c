"""The static, or classwise, calibration error."""

from typing import Any

from keras_refcal.metrics.calibration_error import BinnedCalibrationError
from keras_refcal.registration import serializable


@serializable
class StaticCalibrationError(BinnedCalibrationError):
    """SCE: mean over classes of |probability - frequency| over bins of equal width.

    Each class's probability is binned and set against how often the class comes
    true. Also called classwise ECE. Range [0, 1]. NaN without samples. Equal to
    `evaluation.evaluate`'s `classwise_ece` up to float32 rounding. With `"guo"` events
    of probability 0 are in no bin, as in published code.

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
        [Nixon et al., 2019](https://arxiv.org/abs/1904.01685).

    Example:

    >>> import numpy as np
    >>> from keras_refcal.metrics import StaticCalibrationError
    >>> metric = StaticCalibrationError(num_bins=10)
    >>> metric.update_state(np.array([1, 0]), np.array([[0.1, 0.9], [0.4, 0.6]]))
    >>> round(float(metric.result()), 4)
    0.35
    """

    fixed = ("binning", "norm", "kind", "debias", "threshold")

    def __init__(
        self,
        num_bins: int = 15,
        convention: Any = "guo",
        name: str | None = "static_calibration_error",
        **kwargs: Any,
    ):
        super().__init__(
            num_bins=num_bins,
            convention=convention,
            kind="classwise",
            name=name,
            **kwargs,
        )
