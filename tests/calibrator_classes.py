"""Every calibrator, found through `layers.__all__`."""

import inspect

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
    options = {"class_counts": COUNTS[classes], "min_samples": 1}
    known = inspect.signature(cls).parameters
    return cls(**{k: v for k, v in options.items() if k in known}, **kwargs)
