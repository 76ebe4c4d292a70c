"""Exact evaluation of saved predictions in NumPy: scores and curves."""

from keras_refcal.evaluation.binary import binary_scores
from keras_refcal.evaluation.bootstrap import PoissonBootstrap
from keras_refcal.evaluation.classes import (
    ClassCalibration,
    class_calibration,
    classwise_reliability_curve,
    group_reliability_curves,
)
from keras_refcal.evaluation.consistency import CalibrationTest, calibration_test
from keras_refcal.evaluation.conventions import Convention
from keras_refcal.evaluation.corruption_error import mean_corruption_error
from keras_refcal.evaluation.cumulative import kolmogorov_smirnov_test, kuiper_test
from keras_refcal.evaluation.curves import (
    ConfidenceHistogram,
    ReliabilityCurve,
    RiskCoverageCurve,
    confidence_histogram,
    reliability_curve,
    risk_coverage_curve,
)
from keras_refcal.evaluation.exact import evaluate
from keras_refcal.evaluation.outliers import (
    confidence_scores,
    out_of_distribution,
)
from keras_refcal.evaluation.proper_error import proper_calibration_error
from keras_refcal.evaluation.ranking import multiclass_auroc

__all__ = [
    "CalibrationTest",
    "ClassCalibration",
    "ConfidenceHistogram",
    "Convention",
    "PoissonBootstrap",
    "ReliabilityCurve",
    "RiskCoverageCurve",
    "binary_scores",
    "calibration_test",
    "class_calibration",
    "classwise_reliability_curve",
    "confidence_histogram",
    "confidence_scores",
    "evaluate",
    "group_reliability_curves",
    "kolmogorov_smirnov_test",
    "kuiper_test",
    "mean_corruption_error",
    "multiclass_auroc",
    "out_of_distribution",
    "proper_calibration_error",
    "reliability_curve",
    "risk_coverage_curve",
]
