"""Augmentation of whole batches in TensorFlow, a pure function of images and seed.

Keras' own layers draw from a generator that a resumed run cannot rewind; here the
same seed gives the same views, whatever came before. `from_layer` makes such a function
of a Keras layer.

An augmentation is a function of `(images, seed)`. `images` are
`(batch, height, width, channels)`, uint8 or float in [0, 1]; `seed` is a pair of
integers, as `tf.random.stateless_uniform` takes. It returns float32 in [0, 1], every
image changed by draws of its own.
"""

import math

from keras_refcal.backend.data_library import tensorflow
from keras_refcal.data import colour, geometry, policies
from keras_refcal.data.keras_layers import cut_mix, from_layer, mix_up
from keras_refcal.data.seeds import split

__all__ = [
    "AUGMENTATIONS",
    "affine",
    "augmented_views",
    "crop_flip",
    "cut_mix",
    "from_layer",
    "get",
    "identity",
    "mix_up",
    "normalized",
    "rand_augment",
    "shift_flip",
    "simclr",
    "trivial_augment",
    "unit_range",
]


def get(name):
    """Returns an augmentation, a function of `(images, seed)`, by name.

    Raises:
        ValueError: If there is no augmentation of that name.
    """
    if name not in AUGMENTATIONS:
        raise ValueError(
            f"Unknown augmentation {name!r}. Expected one of {sorted(AUGMENTATIONS)}."
        )
    return AUGMENTATIONS[name]


def identity(images, seed):
    """Returns the images as they are, in [0, 1]."""
    return unit_range(images)


def simclr(images, seed):
    """Returns a view as the published first stage draws it, before normalisation.

    A random resized crop (area 0.2 to 1, aspect 3/4 to 4/3), a horizontal flip,
    brightness, contrast, saturation (0.4 each) and hue (0.1) with probability 0.8, and
    grayscale with probability 0.2. A single channel counts as grey.

    Reference:
        [Chen et al., 2020](https://arxiv.org/abs/2002.05709), as set by
        [Khosla et al., 2020](https://arxiv.org/abs/2004.11362).
    """
    tf = tensorflow()
    crop_seed, colour_seed = split(seed, 2)
    crops = geometry.random_resized_crop(images, crop_seed)
    white, channels = _white(images), images.shape[-1]
    if channels == 1:
        crops = tf.repeat(crops, 3, axis=-1)
    return colour.jitter(crops, colour_seed, white=white)[..., :channels]


def crop_flip(images, seed):
    """Returns a view as the published second stage draws it.

    A random resized crop (area 0.2 to 1, aspect 3/4 to 4/3) and a horizontal flip.
    """
    return geometry.random_resized_crop(images, seed) / _white(images)


def shift_flip(images, seed):
    """Returns images moved by up to 4 pixels and mirrored by chance.

    The usual augmentation of CIFAR: a crop of the image within a black margin.
    """
    return geometry.random_shift(images, seed) / _white(images)


def affine(images, seed, angle=12.0, zoom=0.15, shift=0.12, contrast=0.3):
    """Returns images turned, zoomed, moved and changed in contrast, each by chance.

    Args:
        images: Shape `(batch, height, width, channels)`.
        seed: Pair of integers.
        angle: Largest angle, in degrees.
        zoom: Largest relative change of width and height.
        shift: Largest shift, as a share of width and height.
        contrast: Largest relative change of brightness.
    """
    tf = tensorflow()
    batch, height, width = tf.shape(images)[0], images.shape[1], images.shape[2]
    draws = tf.random.stateless_uniform((6, batch), seed, -1.0, 1.0)
    turn = draws[0] * (angle * math.pi / 180)
    zoom_x, zoom_y = 1 + zoom * draws[1], 1 + zoom * draws[2]
    cos, sin = tf.cos(turn), tf.sin(turn)
    moved = geometry.warp(
        unit_range(images),
        *(cos * zoom_x, -sin * zoom_y, sin * zoom_x, cos * zoom_y),
        right=shift * width * draws[3],
        down=shift * height * draws[4],
    )
    moved = moved * (1 + contrast * draws[5])[:, None, None, None]
    return tf.clip_by_value(moved, 0.0, 1.0)


def rand_augment(images, seed):
    """Returns images after a shift, a flip and two operations, each drawn by chance.

    See `policies.rand_augment`, which takes number and strength of the operations.

    Reference:
        [Cubuk et al., 2020](https://arxiv.org/abs/1909.13719).
    """
    seeds = split(seed, 2)
    return policies.rand_augment(shift_flip(images, seeds[0]), seeds[1])


def trivial_augment(images, seed):
    """Returns images after a shift, a flip and one operation of random strength.

    Reference:
        [Müller and Hutter, 2021](https://arxiv.org/abs/2103.10158).
    """
    seeds = split(seed, 2)
    return policies.trivial_augment(shift_flip(images, seeds[0]), seeds[1])


def normalized(augmentation, mean, std):
    """Returns an augmentation whose images are then normalised.

    Args:
        augmentation: A function of `(images, seed)`.
        mean: Mean of each channel, for images in [0, 1], see `ImageData.mean`.
        std: Standard deviation of each channel, see `ImageData.std`.
    """

    def normalized_augmentation(images, seed):
        return colour.normalize(augmentation(images, seed), mean, std)

    return normalized_augmentation


def augmented_views(images, views, augmentation, seed):
    """Returns independently augmented views of each image.

    Args:
        images: Shape `(batch, height, width, channels)`, uint8 or float in [0, 1].
        views: Positive integer.
        augmentation: A function of `(images, seed)`.
        seed: Pair of integers.

    Returns:
        float32, shape `(batch, views, height, width, channels)`, or without the view
        axis if `views` is 1.
    """
    tf = tensorflow()
    if views == 1:
        return augmentation(images, seed)
    shape = (-1, views, *images.shape[1:])
    return tf.reshape(augmentation(tf.repeat(images, views, axis=0), seed), shape)


def unit_range(images):
    """Returns images as float32 in [0, 1]."""
    tf = tensorflow()
    return tf.image.convert_image_dtype(images, tf.float32)


def _white(images):
    return 255.0 if images.dtype == "uint8" else 1.0


AUGMENTATIONS = {
    "affine": affine,
    "crop_flip": crop_flip,
    "none": identity,
    "rand_augment": rand_augment,
    "shift_flip": shift_flip,
    "simclr": simclr,
    "trivial_augment": trivial_augment,
}
