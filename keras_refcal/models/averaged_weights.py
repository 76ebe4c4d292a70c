"""Means of the weights of models, with batch statistics that belong to them."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_refcal.types import Tensor


def average_weights(models: Any, x: Tensor | None = None, batch_size: int = 128) -> Any:
    """Returns a model whose weights are the means of those of several models.

    The models are snapshots of one training, or were fine-tuned from the same weights:
    means of weights that were never near each other predict nothing. The mean predicts
    as fast as one of them.

    Args:
        models: Built models of one architecture.
        x: Training inputs, to compute the statistics of batch normalisation anew, as
            `update_batch_statistics` takes them. The means of the statistics are not
            those of the mean.
        batch_size: Samples a step.

    Returns:
        A new model, not compiled.

    Raises:
        ValueError: If there is no model, weights differ in shape, or there is batch
            normalisation and no `x`.

    Reference:
        [Izmailov et al., 2018](https://arxiv.org/abs/1803.05407);
        [Wortsman et al., 2022](https://arxiv.org/abs/2203.05482).

    Example:

    >>> import keras
    >>> from keras_refcal import models
    >>> layer = keras.layers.Dense(3, activation="softmax")
    >>> snapshots = [keras.Sequential([keras.Input((4,)), layer]) for _ in range(2)]
    >>> models.average_weights(snapshots).output_shape
    (None, 3)
    """
    models = list(models)
    shapes = [[w.shape for w in model.get_weights()] for model in models]
    if not models or any(of_model != shapes[0] for of_model in shapes):
        raise ValueError(
            "`models` must be one model or more of the same architecture. Received: "
            f"{models!r}"
        )
    config = keras.saving.serialize_keras_object(models[0])
    config.pop("compile_config", None)
    mean = keras.saving.deserialize_keras_object(config)
    weights = WeightMean()
    for model in models:
        weights.add(model)
    weights.assign_to(mean)
    if x is not None:
        update_batch_statistics(mean, x, batch_size)
    elif batch_normalizations(mean):
        raise ValueError(
            "`x` must be given: the models have batch normalisation, whose statistics "
            "are to be computed anew for the mean of the weights."
        )
    return mean


class WeightMean:
    """A running mean of the weights of a model, in float64 outside of it."""

    def __init__(self):
        self.count = 0
        self._mean = None

    def add(self, model):
        """Counts the weights that a model has now."""
        weights = model.get_weights()
        if self._mean is None:
            self._mean = [np.zeros(w.shape, "float64") for w in weights]
        self.count += 1
        for mean, value in zip(self._mean, weights, strict=True):
            mean += (value - mean) / self.count

    def assign_to(self, model):
        """Gives a model the mean; whole numbers, such as seeds, it keeps."""
        kept = model.get_weights()
        model.set_weights(
            [
                mean.astype(old.dtype) if np.issubdtype(old.dtype, np.floating) else old
                for mean, old in zip(self._mean, kept, strict=True)
            ]
        )


def batch_normalizations(model) -> list:
    """Returns the layers of batch normalisation in a model, but for frozen ones."""
    kind = keras.layers.BatchNormalization
    return [x for x in model._flatten_layers() if isinstance(x, kind) and x.trainable]


def update_batch_statistics(
    model: keras.Model, x: Tensor, batch_size: int = 128
) -> Any:
    """Computes the statistics of batch normalisation anew for the weights as they are.

    After weights were averaged, or set in another way, the moving averages are still
    those of other weights. Means and variances become the means over all batches, each
    batch counted by its samples, of one pass in which the model trains nothing. Layers
    that do not train keep their statistics, as in training; so does everything else.

    Args:
        model: A built model.
        x: Training inputs, as the model is trained on: an array, a mapping or tuple of
            arrays, or batches, alone or with labels.
        batch_size: Samples a step, if `x` is arrays.

    Example:

    >>> import keras
    >>> import numpy as np
    >>> from keras_refcal import models
    >>> normalize = keras.layers.BatchNormalization()
    >>> model = keras.Sequential([keras.Input((1,)), normalize])
    >>> models.update_batch_statistics(model, np.array([[1.0], [3.0]]))
    >>> float(normalize.moving_mean[0]), float(normalize.moving_variance[0])
    (2.0, 1.0)
    """
    layers = batch_normalizations(model)
    if not layers:
        return
    statistics = {id(v) for layer in layers for v in layer.non_trainable_variables}
    others = [v for v in model.non_trainable_variables if id(v) not in statistics]
    kept = [ops.convert_to_numpy(v) for v in others]
    momenta = [layer.momentum for layer in layers]
    seen = 0
    try:
        for batch in _batches(x, batch_size):
            samples = len(keras.tree.flatten(batch)[0])
            for layer in layers:
                layer.momentum = seen / (seen + samples)
            model(batch, training=True)
            seen += samples
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
        for variable, value in zip(others, kept, strict=True):
            variable.assign(value)


def _batches(x, batch_size):
    if not hasattr(x, "shape") and not isinstance(x, dict | list | tuple):
        for batch in x:
            yield keras.utils.unpack_x_y_sample_weight(batch)[0]
        return
    for start in range(0, len(keras.tree.flatten(x)[0]), batch_size):
        rows = slice(start, start + batch_size)
        yield keras.tree.map_structure(lambda part, rows=rows: part[rows], x)
