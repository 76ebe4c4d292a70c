"""Every name of Keras that is not public and is used here, in this file alone.

`tests/backend/test_keras_internals.py` has a test for each, which fails where Keras
renames it, or no longer reads or calls it.
"""

import contextlib

from keras.src.backend import get_keras_mask, in_stateless_scope
from keras.src.trainers.compile_utils import MetricsList

__all__ = [
    "MetricsList",
    "add_metrics",
    "flat_layers",
    "get_keras_mask",
    "given_strategy",
    "in_order_of_metrics",
    "in_stateless_scope",
    "losses_of_forward",
    "remove_metrics",
    "say_less_is_better",
    "track_loss",
    "without_loss_of_keras",
]


def track_loss(model, loss, batch_size):
    """Counts a loss in the metric `"loss"`, which is the first of `model.metrics`."""
    model._loss_tracker.update_state(loss, sample_weight=batch_size)


@contextlib.contextmanager
def losses_of_forward(model, losses):
    """Inside, `model.losses` are these: those of `add_loss` and of regularisers."""
    # The replicas of TensorFlow take turns inside: each puts its own in place.
    model._losses_override[:] = losses
    try:
        yield
    finally:
        model._losses_override.clear()


def without_loss_of_keras(model):
    """Takes Keras' own holder of the loss from a compiled model.

    Where it is never called, so never built, `train_on_batch` would trace the whole
    model at every step.
    """
    model._compile_loss = None


def given_strategy(model):
    """Returns the `tf.distribute` strategy that a model was made in, or `None`."""
    return model._distribute_strategy


def in_order_of_metrics(model, logs):
    """Returns logs as `evaluate` does without `return_dict`."""
    return model._flatten_metrics_in_order(logs)


def flat_layers(layer, include_self=True):
    """Returns a layer and all inside of it, in the order of a saved model."""
    return list(layer._flatten_layers(include_self=include_self))


def add_metrics(model, metrics: MetricsList):
    """Adds a list of metrics to those of a model."""
    model._metrics.append(metrics)


def remove_metrics(model, metrics: MetricsList):
    """Takes a list of metrics from those of a model."""
    model._metrics[:] = [each for each in model._metrics if each is not metrics]


def say_less_is_better(metric):
    """Lets callbacks that monitor a metric know that less is better."""
    metric._direction = "down"
