"""Calibration penalties: pure functions of a batch, one scalar each.

Shapes: B batch, C classes. `targets` are rows of probabilities `(B, C)`, see
`ops.labels.class_distribution`; `logits` are `(B, C)`; `sample_weight` is `(B,)` or
`None`, and weight 0 equals absence.
"""

from keras import ops

from keras_refcal.ops.labels import weighted_mean
from keras_refcal.types import Tensor


def mdca(targets: Tensor, logits: Tensor, sample_weight: Tensor | None = None):
    """Returns the mean over classes of |mean probability - class frequency|."""
    gap = ops.softmax(logits, axis=-1) - targets
    return ops.mean(ops.abs(weighted_mean(gap, sample_weight)))
