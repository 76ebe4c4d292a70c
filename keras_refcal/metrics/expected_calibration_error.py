"""The expected calibration error, in all its published forms."""

from typing import Any

from keras_refcal.metrics.calibration_error import BinnedCalibrationError
from keras_refcal.registration import serializable


@serializable
class ExpectedCalibrationError(BinnedCalibrationError):
    """Mean |confidence - accuracy| over bins of the predicted probability.

    The gap between mean confidence and accuracy of each bin counts by the bin's share
    of all samples. Range [0, 1], a fraction, not percent. NaN without samples. With
    bins of equal width it equals `evaluation.evaluate`'s figure up to float32
    rounding; `distance_bound()` says how far bins of equal mass can be from it.

    Args:
        num_bins: Number of bins.
        binning: `"uniform"` for bins of equal width; `"quantile"` for bins of equal
            mass, cut from a fine histogram.
        norm: `"l1"`, the mean gap (ECE); `"l2"`, the root of the mean squared gap
            (RMSCE); `"max"`, the largest gap (MCE).
        kind: `"top_label"` sets the predicted class's probability against accuracy.
            `"classwise"` sets each class's probability against its frequency; the
            figure is the mean, root mean square or maximum over classes.
        debias: Whether to take the sampling variance off the squared gaps
            (Kumar et al. 2019); only with `norm="l2"`. NaN if no bin has 2 samples, of
            weighted ones by their effective number, `(Σw)² / Σw²`.
        convention: Side on which bins of equal width are closed: `"guo"` (a, b], as in
            most papers; `"netcal"` [a, b); `"torchmetrics"` [a, b) and a bin of its
            own for a confidence of 1. Classwise bins of `"guo"` leave out events of
            probability 0, as published code does.
        name: Optional name of the metric.
        **kwargs: `from_logits`, `num_classes`, `ignore_class`, `multi_label`, `dtype`;
            see `ClassifierMetric`.

    Raises:
        ValueError: For an unknown name, or fewer bins than one.

    Reference:
        [Guo et al., 2017](https://arxiv.org/abs/1706.04599), eq. 3.

    Example:

    >>> import numpy as np
    >>> from keras_refcal.metrics import ExpectedCalibrationError
    >>> metric = ExpectedCalibrationError(num_bins=10)
    >>> metric.update_state(np.array([1, 0]), np.array([[0.1, 0.9], [0.4, 0.6]]))
    >>> round(float(metric.result()), 4)
    0.35
    """

    distance = "float32 rounding; `distance_bound()` of equal masses"

    fixed = ("threshold",)

    def __init__(
        self,
        num_bins: int = 15,
        binning: str = "uniform",
        norm: str = "l1",
        kind: str = "top_label",
        debias: bool = False,
        convention: Any = "guo",
        name: str | None = "expected_calibration_error",
        **kwargs: Any,
    ):
        super().__init__(
            num_bins=num_bins,
            binning=binning,
            norm=norm,
            kind=kind,
            debias=debias,
            convention=convention,
            name=name,
            **kwargs,
        )
