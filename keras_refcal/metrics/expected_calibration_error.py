"""The expected calibration error, in all its published forms."""

from keras import ops

from keras_refcal.metrics.base import ClassifierMetric
from keras_refcal.ops import accumulate, calibration_error
from keras_refcal.ops.binning import bin_index, convention_edges
from keras_refcal.registration import serializable
from keras_refcal.validation import check_choice


@serializable
class ExpectedCalibrationError(ClassifierMetric):
    """Mean |confidence - accuracy| over bins of the predicted probability.

    Confidences are binned in `num_bins` bins of equal width; the gap between mean
    confidence and accuracy of each bin counts by the bin's share of all samples.
    Range [0, 1], a fraction, not percent. NaN without samples. Equal to
    `evaluation.evaluate`'s figure up to float32 rounding.

    Args:
        num_bins: Number of bins.
        norm: `"l1"`, the mean gap (ECE); `"l2"`, the root of the mean squared gap
            (RMSCE); `"max"`, the largest gap (MCE).
        debias: Whether to take the sampling variance off the squared gaps
            (Kumar et al. 2019); only with `norm="l2"`.
        convention: Side on which bins are closed: `"guo"` (a, b], as in most papers;
            `"netcal"` [a, b); `"torchmetrics"` [a, b) and a bin of its own for a
            confidence of 1.
        from_logits: Whether `y_pred` holds logits. If `False` it holds probabilities.
        name: Optional name of the metric.
        dtype: As in `keras.metrics.Metric`; float32 at least.

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

    def __init__(
        self,
        num_bins=15,
        norm="l1",
        debias=False,
        convention="guo",
        from_logits=False,
        name="expected_calibration_error",
        dtype=None,
    ):
        super().__init__(from_logits=from_logits, name=name, dtype=dtype)
        check_choice("norm", norm, calibration_error.NORMS)
        if debias and norm != "l2":
            raise ValueError(f"`debias=True` needs `norm='l2'`. Received: {norm!r}")
        self.num_bins = num_bins
        self.norm = norm
        self.debias = debias
        self.convention = convention
        self._edges, self._closed = convention_edges(num_bins, convention)
        self.add_counter("bins", (3, len(self._edges) - 1))

    def increments(self, batch):
        """Returns the weight, confidence and right answers of each bin."""
        weight = batch.weight
        values = ops.stack(
            [weight, weight * batch.confidence, weight * batch.correct], axis=-1
        )
        index = bin_index(batch.confidence, self._edges, self._closed)
        num_bins = len(self._edges) - 1
        return {"bins": calibration_error.histogram(index, values, num_bins)}

    def figure(self, counters):
        """Returns the error."""
        if self.debias:
            return calibration_error.debiased_error(counters["bins"])
        return calibration_error.NORMS[self.norm](counters["bins"])

    def reliability_curve(self):
        """Returns the bins counted so far as an `evaluation.ReliabilityCurve`."""
        from keras_refcal.evaluation.curves import ReliabilityCurve

        counts = ops.convert_to_numpy(accumulate.value(self._counters["bins"]))
        return ReliabilityCurve.from_counts(self._edges, *counts)

    def get_config(self):
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "num_bins": self.num_bins,
            "norm": self.norm,
            "debias": self.debias,
            "convention": self.convention,
        }
