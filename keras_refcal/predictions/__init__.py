"""Predictions with labels as checked arrays: the one gate in NumPy, and files of them.

Losses and metrics, which see tensors, keep to the same rules and the same tolerance.
"""

from keras_refcal.predictions.arrays import Predictions, as_predictions
from keras_refcal.predictions.checks import (
    ROW_SUM_TOLERANCE,
    are_probabilities,
    as_class_counts,
    as_class_ids,
    as_outputs,
    as_weights,
    check_finite,
    check_probabilities,
    two_columns,
)

__all__ = [
    "ROW_SUM_TOLERANCE",
    "Predictions",
    "are_probabilities",
    "as_class_counts",
    "as_class_ids",
    "as_outputs",
    "as_predictions",
    "as_weights",
    "check_finite",
    "check_probabilities",
    "two_columns",
]
