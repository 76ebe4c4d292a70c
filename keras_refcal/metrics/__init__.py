"""Streaming metrics, all `keras.metrics.Metric` with additive state of fixed size."""

from keras_refcal.metrics.expected_calibration_error import ExpectedCalibrationError

__all__ = ["ExpectedCalibrationError"]
