"""Exact evaluation of saved predictions, in NumPy alone."""

from keras_refcal.evaluation.curves import (
    ConfidenceHistogram,
    ReliabilityCurve,
    RiskCoverageCurve,
    confidence_histogram,
    reliability_curve,
    risk_coverage_curve,
)

__all__ = [
    "ConfidenceHistogram",
    "ReliabilityCurve",
    "RiskCoverageCurve",
    "confidence_histogram",
    "reliability_curve",
    "risk_coverage_curve",
]
