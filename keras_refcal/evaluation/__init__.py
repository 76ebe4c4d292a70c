"""Exact evaluation of saved predictions, in NumPy alone."""

from keras_refcal.evaluation.bootstrap import PoissonBootstrap
from keras_refcal.evaluation.conventions import Convention
from keras_refcal.evaluation.curves import (
    ConfidenceHistogram,
    ReliabilityCurve,
    RiskCoverageCurve,
    confidence_histogram,
    reliability_curve,
    risk_coverage_curve,
)
from keras_refcal.evaluation.evaluate import evaluate
from keras_refcal.evaluation.ranking import multiclass_auroc

__all__ = [
    "ConfidenceHistogram",
    "Convention",
    "PoissonBootstrap",
    "ReliabilityCurve",
    "RiskCoverageCurve",
    "confidence_histogram",
    "evaluate",
    "multiclass_auroc",
    "reliability_curve",
    "risk_coverage_curve",
]
