"""Random colours of whole batches, as one 3x3 matrix and a shift of grey an image.

Brightness, contrast, saturation, hue and grayscale are all linear in the colours, so a
chain of them, in any order, costs one small matrix product a pixel. What this leaves
out of the usual chain is the clipping between its links; and a hue is turned in the
YIQ plane, not in HSV.

Shapes: `images` are `(batch, height, width, 3)`; a row of colours times a matrix gives
the new colours. `xp` are the arrays that go with a seed, see `seeds`.
"""

import math

import numpy as np

from keras_refcal.data.seeds import arrays

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
        seed: See `seeds`.
        brightness: Colours are multiplied by a factor in `1 ± brightness`.
        contrast: Distances from the image's mean luma, likewise.
        saturation: Distances from the pixel's luma, likewise.
        hue: Colours turn by up to this share of a circle, either way.
        probability: Probability of the four changes, in an order drawn by chance.
        grayscale: Probability that what comes out loses its colours.
        white: The value of white in `images`: 255 saves a division of every pixel.
    """
    xp = arrays(seed)
    link_seed, order_seed, chance_seed = xp.split(seed, 3)
    batch = xp.rows(images)
    links, contrasts = _links(batch, link_seed, brightness, contrast, saturation, hue)
    order = xp.argsort(xp.uniform(order_seed, (batch, 4)))
    means = xp.mean(images, axis=(1, 2)) / white
    matrix, offset = _chain(links, contrasts, order, means, xp)
    chances = xp.uniform(chance_seed, (2, batch))
    changes = chances[0] < probability
    matrix = xp.where(changes[:, None, None], matrix, xp.eye(3))
    offset = xp.where(changes, offset, 0.0)
    gray = (chances[1] < grayscale)[:, None, None]
    matrix = xp.where(gray, xp.matmul(matrix, _to_luma(xp)), matrix)
    return recolour(images, matrix / white, offset, xp)


def recolour(images, matrix, offset, xp):
    """Returns `images @ matrix + offset`, clipped to [0, 1].

    Args:
        images: Shape `(batch, height, width, 3)`.
        matrix: Shape `(batch, 3, 3)`.
        offset: Shift of all three colours, shape `(batch,)`.
        xp: Arrays, see `seeds`.
    """
    return xp.clip(xp.recolour(images, matrix, offset), 0.0, 1.0)


def normalize(images, mean, std, xp):
    """Returns `(images - mean) / std`, one mean and deviation a channel."""
    return (images - xp.tensor(mean)) / xp.tensor(std)


def unit_range(images, xp):
    """Returns images, uint8 or float in [0, 1], as float32 in [0, 1]."""
    return xp.cast(images, "float32") / white(images, xp)


def white(images, xp):
    """Returns the value of white in images, uint8 or float in [0, 1]."""
    return 255.0 if xp.is_bytes(images) else 1.0


def hue_matrix(turn, xp):
    """Returns the matrices that turn hues by an angle in radians, `(batch, 3, 3)`."""
    cos, sin, zero = xp.cos(turn), xp.sin(turn), xp.zeros_like(turn)
    rows = [[zero + 1, zero, zero], [zero, cos, -sin], [zero, sin, cos]]
    turned = xp.stack([xp.stack(row, axis=-1) for row in rows], axis=-2)
    to_yiq, from_yiq = xp.tensor(RGB_TO_YIQ), xp.tensor(np.linalg.inv(RGB_TO_YIQ))
    return xp.matmul(xp.matmul(to_yiq, turned), from_yiq)


def saturation_matrix(factor, xp):
    """Returns the matrices that scale distances from luma, `(batch, 3, 3)`."""
    factor = factor[:, None, None]
    return factor * xp.eye(3) + (1 - factor) * _to_luma(xp)


def _links(batch, seed, brightness, contrast, saturation, hue):
    """Returns the matrices of the four changes, and the contrasts' factors."""
    xp = arrays(seed)
    draws = xp.uniform(seed, (4, batch), -1.0, 1.0)
    contrasts = 1 + contrast * draws[1]
    links = [
        (1 + brightness * draws[0])[:, None, None] * xp.eye(3),
        contrasts[:, None, None] * xp.eye(3),
        saturation_matrix(1 + saturation * draws[2], xp),
        hue_matrix(2 * math.pi * hue * draws[3], xp),
    ]
    return xp.stack(links, axis=1), contrasts


def _chain(links, contrasts, order, means, xp):
    """Returns matrix and offset of the changes in their order.

    A contrast refers to the mean luma of the image as it then is, which follows from
    the mean colours of the image as it was. It shifts all colours alike, and what is
    the same in all colours stays so.
    """
    matrix, offset = xp.eye(3), xp.zeros_like(means[:, 0])
    luma = xp.tensor(LUMA)[:, None]
    for place in range(4):
        kind = order[:, place]
        link = xp.pick(links, kind)
        mean = xp.matmul(xp.matmul(means[:, None], matrix), luma)[:, 0, 0] + offset
        shift = xp.where(kind == 1, (1 - contrasts) * mean, 0.0)
        matrix = xp.matmul(matrix, link)
        offset = offset * xp.sum(link[:, :, 0], axis=1) + shift
    return matrix, offset


def _to_luma(xp):
    return xp.tensor([[share] * 3 for share in LUMA])
