"""Train, measure and repair the confidence of Keras classifiers.

Measure with `metrics`, train with `losses` and `RefCalModel`, repair with the
calibrators in `layers`, judge with `evaluation` and `report`. Works on TensorFlow, JAX
and PyTorch.
"""

import importlib

from keras_refcal import (
    callbacks,
    data,
    decisions,
    evaluation,
    layers,
    losses,
    metrics,
    models,
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


def __getattr__(name):
    """Imports `report` when it is first asked for: only who draws needs it."""
    if name == "report":
        return importlib.import_module("keras_refcal.report")
    raise AttributeError(f"module 'keras_refcal' has no attribute {name!r}")
