"""Keras' image layers inside a pipeline, drawn from the seed that a batch is given.

A Keras layer draws from a generator that it holds, so that a resumed run sees other
draws. The hooks of the layers (`get_random_transformation`, `transform_images`) take
the draws apart from the arithmetic; here the draws come from a seed.
"""

import contextlib
import functools

import keras

from keras_refcal.backend.data_library import tensorflow
from keras_refcal.backend.keras_internals import flat_layers
from keras_refcal.data.colour import unit_range
from keras_refcal.data.seeds import DeviceSeed, arrays


class KeySequence(keras.random.SeedGenerator):
    """Seeds split from a pair of integers, in the place of a Keras generator."""

    def __init__(self, key):
        # Without `super().__init__`: there is no state, which is the point.
        self._key = key
        self._count = 0

    def next(self, ordered=True):
        """Returns the next seed."""
        tf = tensorflow()
        self._count += 1
        return tf.random.fold_in(tf.cast(tf.stack(self._key), tf.int64), self._count)


def from_layer(layer):
    """Returns an augmentation that is a Keras layer, drawn from the seed it is given.

    Args:
        layer: A Keras image layer for values in [0, 1] that draws once for a batch:
            `RandomErasing`, `RandomGaussianBlur`, … Layers that hold layers
            (`RandAugment`, `AugMix`) ignore a given seed and are refused.

    Raises:
        ValueError: If the layer cannot be drawn from a given seed.

    >>> import keras
    >>> from keras_refcal.data import augment, load
    >>> layer = keras.layers.RandomErasing(factor=1.0, value_range=(0, 1))
    >>> erase = augment.from_layer(layer)
    >>> tuple(erase(load("digits").test_images[:4], (0, 1)).shape)
    (4, 8, 8, 1)
    """
    if not draws_from_seed(layer):
        raise ValueError(
            "`layer` must be a Keras image layer that draws from a given seed and "
            f"holds no other layers. Received: {layer!r}"
        )

    def layer_augmentation(images, seed):
        images = unit_range(images, arrays(seed))
        with _generator(layer, seed) as generator:
            change = layer.get_random_transformation(images, True, generator)
            return layer.transform_images(images, change, True)

    return layer_augmentation


def draws_from_seed(layer):
    """Whether a layer draws from a seed that it is given, and holds no other layers."""
    drawn = isinstance(layer, keras.layers.Layer) and hasattr(
        layer, "get_random_transformation"
    )
    return drawn and not flat_layers(layer, include_self=False)


def cut_mix(images, labels, seed):
    """Returns images with a box of another one, and labels blended by its area.

    Args:
        images: float, shape `(batch, height, width, channels)`.
        labels: Probabilities, shape `(batch, num_classes)`.
        seed: Pair of integers.

    Returns:
        Images and labels, of the same shapes.

    Reference:
        [Yun et al., 2019](https://arxiv.org/abs/1905.04899).
    """
    return _mixed(_layer("CutMix", factor=(1.0, 1.0)), images, labels, seed)


@functools.cache
def _layer(name, **arguments):
    # A layer makes a variable, which a pipeline's graph may not hold.
    with tensorflow().init_scope():
        return getattr(keras.layers, name)(**arguments)


def _mixed(layer, images, labels, seed):
    tf = tensorflow()
    images = tf.image.convert_image_dtype(images, tf.float32)
    labels = tf.cast(labels, tf.float32)
    with _generator(layer, seed) as generator:
        change = layer.get_random_transformation(images, True, generator)
        return (
            layer.transform_images(images, change, True),
            layer.transform_labels(labels, change, True),
        )


@contextlib.contextmanager
def _generator(layer, seed):
    """Yields what a layer draws from, and has it compute where the seed is used."""
    if isinstance(seed, DeviceSeed):
        yield seed
        return
    layer.backend.set_backend("tensorflow")
    try:
        yield KeySequence(seed)
    finally:
        layer.backend.reset()
