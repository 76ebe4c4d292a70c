"""Augmentation of whole batches in TensorFlow, a pure function of images and seed.

Keras' own layers draw from a generator that a resumed run cannot rewind; here the
same seed gives the same views, whatever came before.

Shapes: `images` are `(batch, height, width, channels)`, float32 in [0, 1]; `seed` is
a pair of integers, as `tf.random.stateless_uniform` takes.
"""

import math

from keras_refcal.backend.data_library import tensorflow


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
    """Returns the images as they are."""
    return images


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
    a, b, c, d = cos * zoom_x, -sin * zoom_y, sin * zoom_x, cos * zoom_y
    centre_x, centre_y = (width - 1) / 2, (height - 1) / 2
    x = centre_x + shift * width * draws[3] - (a * centre_x + b * centre_y)
    y = centre_y + shift * height * draws[4] - (c * centre_x + d * centre_y)
    zero = tf.zeros_like(a)
    moved = tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=tf.stack([a, b, x, c, d, y, zero, zero], axis=1),
        output_shape=(height, width),
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )
    moved = moved * (1 + contrast * draws[5])[:, None, None, None]
    return tf.clip_by_value(moved, 0.0, 1.0)


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
    images = tf.image.convert_image_dtype(images, tf.float32)
    if views == 1:
        return augmentation(images, seed)
    shape = (-1, views, *images.shape[1:])
    return tf.reshape(augmentation(tf.repeat(images, views, axis=0), seed), shape)


AUGMENTATIONS = {"affine": affine, "none": identity}
