"""Random colours of whole batches, as one 3x3 matrix and a shift of grey an image.

Brightness, contrast, saturation, hue and grayscale are all linear in the colours, so a
chain of them, in any order, costs one small matrix product a pixel. What this leaves
out of the usual chain is the clipping between its links; and a hue is turned in the
YIQ plane, not in HSV.

Shapes: `images` are `(batch, height, width, 3)`; a row of colours times a matrix gives
the new colours.
"""

import math

import numpy as np

from keras_refcal.backend.data_library import tensorflow
from keras_refcal.data.seeds import split

LUMA = (0.299, 0.587, 0.114)
RGB_TO_YIQ = np.array(
    [[0.299, 0.5959, 0.2115], [0.587, -0.2746, -0.5227], [0.114, -0.3213, 0.3112]]
)


def jitter(
    images,
    seed,
    brightness=0.4,
    contrast=0.4,
    saturation=0.4,
    hue=0.1,
    probability=0.8,
    grayscale=0.2,
    white=1.0,
):
    """Returns images with colours changed by chance, float32 in [0, 1].

    Args:
        images: float32 in [0, white], shape `(batch, height, width, 3)`.
        seed: Pair of integers.
        brightness: Colours are multiplied by a factor in `1 ± brightness`.
        contrast: Distances from the image's mean luma, likewise.
        saturation: Distances from the pixel's luma, likewise.
        hue: Colours turn by up to this share of a circle, either way.
        probability: Probability of the four changes, in an order drawn by chance.
        grayscale: Probability that what comes out loses its colours.
        white: The value of white in `images`: 255 saves a division of every pixel.
    """
    tf = tensorflow()
    seeds = split(seed, 3)
    batch = tf.shape(images)[0]
    links, contrasts = _links(batch, seeds[0], brightness, contrast, saturation, hue)
    order = tf.argsort(tf.random.stateless_uniform((batch, 4), seeds[1]))
    means = tf.reduce_mean(images, axis=(1, 2)) / white
    matrix, offset = _chain(links, contrasts, order, means)
    chances = tf.random.stateless_uniform((2, batch), seeds[2])
    changes = chances[0] < probability
    matrix = tf.where(changes[:, None, None], matrix, tf.eye(3))
    offset = tf.where(changes, offset, 0.0)
    gray = (chances[1] < grayscale)[:, None, None]
    matrix = tf.where(gray, matrix @ _to_luma(), matrix)
    return recolour(images, matrix / white, offset)


def recolour(images, matrix, offset):
    """Returns `images @ matrix + offset`, clipped to [0, 1].

    Args:
        images: Shape `(batch, height, width, 3)`.
        matrix: Shape `(batch, 3, 3)`.
        offset: Shift of all three colours, shape `(batch,)`.
    """
    tf = tensorflow()
    rows, columns = images.shape[1:3]
    pixels = tf.reshape(images, (-1, rows * columns, 3)) @ matrix
    # One long row an image: adding along an axis of three is slow.
    pixels = tf.reshape(pixels, (-1, rows * columns * 3)) + offset[:, None]
    pixels = tf.raw_ops.ClipByValue(t=pixels, clip_value_min=0.0, clip_value_max=1.0)
    return tf.reshape(pixels, (-1, rows, columns, 3))


def normalize(images, mean, std):
    """Returns `(images - mean) / std`, one mean and deviation a channel."""
    tf = tensorflow()
    return (images - tf.constant(mean, tf.float32)) / tf.constant(std, tf.float32)


def hue_matrix(turn):
    """Returns the matrices that turn hues by an angle in radians, `(batch, 3, 3)`."""
    tf = tensorflow()
    cos, sin, zero = tf.cos(turn), tf.sin(turn), tf.zeros_like(turn)
    rows = [[zero + 1, zero, zero], [zero, cos, -sin], [zero, sin, cos]]
    turned = tf.stack([tf.stack(row, axis=-1) for row in rows], axis=-2)
    to_yiq = tf.constant(RGB_TO_YIQ, tf.float32)
    from_yiq = tf.constant(np.linalg.inv(RGB_TO_YIQ), tf.float32)
    return to_yiq @ turned @ from_yiq


def saturation_matrix(factor):
    """Returns the matrices that scale distances from luma, `(batch, 3, 3)`."""
    tf = tensorflow()
    factor = factor[:, None, None]
    return factor * tf.eye(3) + (1 - factor) * _to_luma()


def _links(batch, seed, brightness, contrast, saturation, hue):
    """Returns the matrices of the four changes, and the contrasts' factors."""
    tf = tensorflow()
    draws = tf.random.stateless_uniform((4, batch), seed, -1.0, 1.0)
    contrasts = 1 + contrast * draws[1]
    links = [
        (1 + brightness * draws[0])[:, None, None] * tf.eye(3),
        contrasts[:, None, None] * tf.eye(3),
        saturation_matrix(1 + saturation * draws[2]),
        hue_matrix(2 * math.pi * hue * draws[3]),
    ]
    return tf.stack(links, axis=1), contrasts


def _chain(links, contrasts, order, means):
    """Returns matrix and offset of the changes in their order.

    A contrast refers to the mean luma of the image as it then is, which follows from
    the mean colours of the image as it was. It shifts all colours alike, and what is
    the same in all colours stays so.
    """
    tf = tensorflow()
    matrix, offset = tf.eye(3), tf.zeros_like(means[:, 0])
    luma = tf.constant(LUMA)[:, None]
    for place in range(4):
        kind = order[:, place]
        link = tf.gather(links, kind, batch_dims=1)
        mean = (means[:, None] @ matrix @ luma)[:, 0, 0] + offset
        shift = tf.where(kind == 1, (1 - contrasts) * mean, 0.0)
        matrix = matrix @ link
        offset = offset * tf.reduce_sum(link[:, :, 0], axis=1) + shift
    return matrix, offset


def _to_luma():
    tf = tensorflow()
    return tf.repeat(tf.constant(LUMA)[:, None], 3, axis=1)
