"""Acting on confidence: prediction sets of known coverage, and abstention."""

from keras_refcal.decisions.conformal_sets import ConformalSets
from keras_refcal.decisions.selective_classifier import SelectiveClassifier

__all__ = ["ConformalSets", "SelectiveClassifier"]
