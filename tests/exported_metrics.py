"""Every metric of `metrics.__all__`, made from its signature."""

import inspect

from keras_refcal import metrics
from keras_refcal.metrics.base import ClassifierMetric

# What a constructor may ask for, for five classes.
ARGUMENTS = {
    "class_counts": lambda: [500, 60, 50, 5, 4],
    "metric": lambda: metrics.ExpectedCalibrationError(name="inner"),
    "metrics": lambda: [
        metrics.ExpectedCalibrationError(),
        metrics.CorrectnessAUROC(),
        metrics.BrierScore(decomposition=True),
        metrics.StaticCalibrationError(),
    ],
}
ALL = [getattr(metrics, name) for name in metrics.__all__]


def arguments(kind):
    """Returns the parameters of a metric's constructor, those of its base too."""
    own = dict(inspect.signature(kind.__init__).parameters)
    if own.pop("kwargs", None) is None:
        return own
    return {**inspect.signature(ClassifierMetric.__init__).parameters, **own}


def make(kind, **given):
    """Returns a metric with what it asks for and what is given."""
    required = {
        name: ARGUMENTS[name]()
        for name, parameter in arguments(kind).items()
        if name in ARGUMENTS
        or (name != "self" and parameter.default is inspect.Parameter.empty)
    }
    return kind(**{**required, **given})


def optional(kind, **given):
    """Returns what of the given arguments the constructor takes."""
    return {k: v for k, v in given.items() if k in arguments(kind)}
