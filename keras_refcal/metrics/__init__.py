"""Streaming metrics, all `keras.metrics.Metric` with additive state of fixed size."""

from keras_refcal.metrics.adaptive_calibration_error import AdaptiveCalibrationError
from keras_refcal.metrics.area_under_risk_coverage import AreaUnderRiskCoverage
from keras_refcal.metrics.brier_score import BrierScore
from keras_refcal.metrics.correctness_auroc import CorrectnessAUROC
from keras_refcal.metrics.excess_aurc import ExcessAURC
from keras_refcal.metrics.expected_calibration_error import ExpectedCalibrationError
from keras_refcal.metrics.false_positive_rate_at_recall import (
    FalsePositiveRateAtRecall,
)
from keras_refcal.metrics.grouped_metric import GroupedMetric
from keras_refcal.metrics.maximum_calibration_error import MaximumCalibrationError
from keras_refcal.metrics.metric_collection import MetricCollection
from keras_refcal.metrics.multiclass_auroc import MulticlassAUROC
from keras_refcal.metrics.negative_log_likelihood import NegativeLogLikelihood
from keras_refcal.metrics.overconfidence_error import OverconfidenceError
from keras_refcal.metrics.refinement import Refinement
from keras_refcal.metrics.shot_accuracy import ShotAccuracy
from keras_refcal.metrics.smooth_calibration_error import SmoothCalibrationError
from keras_refcal.metrics.static_calibration_error import StaticCalibrationError
from keras_refcal.metrics.thresholded_adaptive_calibration_error import (
    ThresholdedAdaptiveCalibrationError,
)

__all__ = [
    "AdaptiveCalibrationError",
    "AreaUnderRiskCoverage",
    "BrierScore",
    "CorrectnessAUROC",
    "ExcessAURC",
    "ExpectedCalibrationError",
    "FalsePositiveRateAtRecall",
    "GroupedMetric",
    "MaximumCalibrationError",
    "MetricCollection",
    "MulticlassAUROC",
    "NegativeLogLikelihood",
    "OverconfidenceError",
    "Refinement",
    "ShotAccuracy",
    "SmoothCalibrationError",
    "StaticCalibrationError",
    "ThresholdedAdaptiveCalibrationError",
]
