"""Every calibrator, found through `layers.__all__`."""

import inspect

import numpy as np

from keras_refcal import layers
from keras_refcal.layers.calibrators.base import Calibrator

CLASSES = [
    cls
    for name in layers.__all__
    if issubclass(cls := getattr(layers, name), Calibrator)
]
COUNTS = {4: [500, 200, 50, 10], 2: [90, 10]}


def make(cls, classes=4, **kwargs):
    """Returns a calibrator, told class counts if it takes them."""
    counts = COUNTS.get(classes, np.geomspace(500, 5, classes).astype(int).tolist())
    options = {"class_counts": counts, "min_samples": 30 if classes > 4 else 1}
    known = inspect.signature(cls).parameters
    return cls(**{k: v for k, v in options.items() if k in known}, **kwargs)


def make_published(cls, classes=4, **kwargs):
    """Returns a calibrator that takes what its own formula says, not a temperature."""
    options = {"l2": 1e-7, "reg_lambda": 1.0, "penalty": 1.0, "fallback": False}
    known = {k for base in cls.__mro__ for k in inspect.signature(base).parameters}
    options = {k: v for k, v in options.items() if k in known}
    return make(cls, classes, **options, **kwargs)
