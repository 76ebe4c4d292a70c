"""The smooth calibration error."""

from typing import Any

from keras_refcal.metrics.base import ClassifierMetric
from keras_refcal.metrics.counters import FineConfidence
from keras_refcal.ops import smooth
from keras_refcal.registration import serializable
from keras_refcal.types import Tensor

RESOLUTION, DISTANCE = 4096, 1e-3


@serializable
class SmoothCalibrationError(ClassifierMetric):
    """smECE: |confidence - accuracy| of the predicted class, smoothed by a kernel.

    A Gaussian whose width is the error itself takes the place of bins, so there is no
    number of bins to choose. Range [0, 1]. NaN without samples. Confidences are
    counted in 4096 fine bins, and widths below 0.01 smoothed on a coarser grid than
    in `evaluation.evaluate`: within 0.001 of its `smece`, mostly within 0.0001.

    Args:
        name: Optional name of the metric.
        **kwargs: `from_logits`, `num_classes`, `ignore_class`, `multi_label`, `dtype`;
            see `ClassifierMetric`.

    Reference:
        [Błasiok and Nakkiran, 2023](https://arxiv.org/abs/2309.12236).

    Example:

    >>> import numpy as np
    >>> from keras_refcal.metrics import SmoothCalibrationError
    >>> metric = SmoothCalibrationError()
    >>> metric.update_state(np.array([1, 0]), np.array([[0.1, 0.9], [0.4, 0.6]]))
    >>> round(float(metric.result()), 2)
    0.25
    """

    distance = "0.001 at most"

    def __init__(self, name: str | None = "smooth_calibration_error", **kwargs: Any):
        super().__init__(name=name, **kwargs)
        self.count(bins=FineConfidence(RESOLUTION))

    def score(self, bins: Tensor) -> Any:
        """Returns the error."""
        return smooth.smooth_calibration_error(bins)

    def bound(self, bins: Tensor) -> Any:
        """Returns what the coarser grid can make of it."""
        return DISTANCE
