"""Train, measure and repair the confidence of Keras classifiers.

Measure with `metrics`, train with `losses` and `RefCalModel`, repair with the
calibrators in `layers`, judge with `evaluation` and `report`. Works on TensorFlow, JAX
and PyTorch.
"""

from keras_refcal import (
    callbacks,
    data,
    decisions,
    evaluation,
    layers,
    losses,
    metrics,
    models,
    report,
)
from keras_refcal.models import RefCalModel
from keras_refcal.training import recipes

__version__ = "0.1.0"

__all__ = [
    "RefCalModel",
    "callbacks",
    "data",
    "decisions",
    "evaluation",
    "layers",
    "losses",
    "metrics",
    "models",
    "recipes",
    "report",
]
