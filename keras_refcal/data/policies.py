"""Operations drawn by chance for every image of a batch: RandAugment, TrivialAugment.

Keras' own `RandAugment` draws one pair of operations for the whole batch. Here each
image has its own operation, strength and sign. The batch is sorted by operation, and
each runs on its own images alone; the five that move pixels are one warp, the three
that are linear in the colours one matrix.

Shapes: `images` are `(batch, height, width, channels)`, float32 in [0, 1], with one
channel or three; `strength` is `(batch,)`, in [0, 1].
"""

import math

from keras_refcal.backend.data_library import tensorflow
from keras_refcal.data import colour, geometry
from keras_refcal.data.seeds import split

MAX_SHEAR = 0.3
MAX_ANGLE = 30 * math.pi / 180
MAX_SHIFT = 0.3
MAX_ENHANCEMENT = 0.9


def rand_augment(images, seed, num_ops=2, strength=0.3):
    """Returns images after `num_ops` operations of one strength, drawn by chance.

    Args:
        images: Shape `(batch, height, width, channels)`, float32 in [0, 1].
        seed: Pair of integers.
        num_ops: Operations an image, one after another.
        strength: In [0, 1]; the paper's magnitude over 30. At 1 an image is turned by
            30 degrees, moved by 30 % of its width, sheared by 0.3 and enhanced by 0.9.

    Reference:
        [Cubuk et al., 2020](https://arxiv.org/abs/1909.13719).
    """
    tf = tensorflow()
    seeds = split(seed, num_ops)
    for number in range(num_ops):
        strengths = tf.fill([tf.shape(images)[0]], float(strength))
        images = _random_operation(images, seeds[number], strengths)
    return images


def trivial_augment(images, seed):
    """Returns images after one operation of a random strength each.

    Args:
        images: Shape `(batch, height, width, channels)`, float32 in [0, 1].
        seed: Pair of integers.

    Reference:
        [Müller and Hutter, 2021](https://arxiv.org/abs/2103.10158).
    """
    tf = tensorflow()
    seeds = split(seed, 2)
    strengths = tf.random.stateless_uniform([tf.shape(images)[0]], seeds[0])
    return _random_operation(images, seeds[1], strengths)


def operate(images, kinds, strengths):
    """Returns images after one operation each.

    Args:
        images: Shape `(batch, height, width, channels)`, float32 in [0, 1].
        kinds: Numbers in `OPERATIONS`, shape `(batch,)`.
        strengths: In [-1, 1], shape `(batch,)`; the sign is a direction.
    """
    tf = tensorflow()
    groups = tf.gather(tf.constant(GROUP_OF_KIND), kinds)
    rows = tf.dynamic_partition(tf.range(tf.shape(images)[0]), groups, len(GROUPS))
    parts = [
        group(*(tf.gather(x, chosen) for x in (images, kinds, strengths)))
        for group, chosen in zip(GROUPS, rows, strict=True)
    ]
    operated = tf.ensure_shape(tf.dynamic_stitch(rows, parts), images.shape)
    return tf.clip_by_value(operated, 0.0, 1.0)


def _random_operation(images, seed, strengths):
    tf = tensorflow()
    seeds = split(seed, 2)
    batch = tf.shape(images)[0]
    kinds = tf.random.stateless_uniform(
        [batch], seeds[0], 0, len(OPERATIONS), dtype=tf.int32
    )
    signs = tf.sign(tf.random.stateless_uniform([batch], seeds[1], -1.0, 1.0))
    return operate(images, kinds, strengths * signs)


def _moved(images, kinds, strengths):
    tf = tensorflow()

    def amount(name, most):
        return tf.where(kinds == OPERATIONS.index(name), strengths * most, 0.0)

    rows, columns = images.shape[1:3]
    turn = amount("rotate", MAX_ANGLE)
    return geometry.warp(
        images,
        a=tf.cos(turn),
        b=amount("shear_x", MAX_SHEAR) - tf.sin(turn),
        c=amount("shear_y", MAX_SHEAR) + tf.sin(turn),
        d=tf.cos(turn),
        right=amount("translate_x", MAX_SHIFT * columns),
        down=amount("translate_y", MAX_SHIFT * rows),
    )


def _recoloured(images, kinds, strengths):
    """Brightness, contrast and saturation: a blend with black, mean and luma."""
    tf = tensorflow()

    def factor(name):
        chosen = kinds == OPERATIONS.index(name)
        return tf.where(chosen, 1 + MAX_ENHANCEMENT * strengths, 1.0)

    bright, contrast = factor("brightness"), factor("contrast")
    matrix = (bright * contrast)[:, None, None] * tf.eye(3)
    matrix = matrix @ colour.saturation_matrix(factor("saturation"))
    means = tf.reduce_mean(images, axis=(1, 2))
    if images.shape[-1] == 1:
        mean = means
        scale = (bright * contrast)[:, None, None, None]
        shift = ((1 - contrast)[:, None] * mean)[:, None, None]
        return tf.clip_by_value(images * scale + shift, 0.0, 1.0)
    mean = means @ tf.constant(colour.LUMA)[:, None]
    return colour.recolour(images, matrix, (1 - contrast) * mean[:, 0])


def _auto_contrast(images, kinds, strengths):
    tf = tensorflow()
    low = tf.reduce_min(images, axis=(1, 2), keepdims=True)
    high = tf.reduce_max(images, axis=(1, 2), keepdims=True)
    stretched = (images - low) / tf.maximum(high - low, 1e-6)
    return tf.where(high > low, stretched, images)


def _equalize(images, kinds, strengths):
    """Spreads the grey levels of each channel evenly, by its histogram of 256."""
    tf = tensorflow()
    shape = tf.shape(images)
    planes = shape[0] * shape[3]
    levels = tf.cast(tf.round(images * 255), tf.int32)
    levels = tf.reshape(tf.transpose(levels, (0, 3, 1, 2)), (planes, -1))
    cells = levels + 256 * tf.range(planes)[:, None]
    counts = tf.math.bincount(tf.reshape(cells, [-1]), minlength=256 * planes)
    counts = tf.reshape(counts, (planes, 256))
    below = tf.cumsum(counts, axis=1) - counts
    # The highest level maps to white; a plane of one level stays as it is.
    last = tf.reduce_max(tf.where(counts > 0, below, 0), axis=1, keepdims=True)
    table = tf.cast(below, tf.float32) / tf.cast(tf.maximum(last, 1), tf.float32)
    spread = tf.gather(table, levels, batch_dims=1)
    spread = tf.where(last > 0, spread, tf.cast(levels, tf.float32) / 255)
    spread = tf.reshape(spread, (shape[0], shape[3], shape[1], shape[2]))
    return tf.transpose(spread, (0, 2, 3, 1))


def _solarize(images, kinds, strengths):
    tf = tensorflow()
    threshold = 1 - tf.abs(strengths)[:, None, None, None]
    return tf.where(images >= threshold, 1 - images, images)


def _posterize(images, kinds, strengths):
    """Keeps 8 bits at strength 0, and 4 at strength 1."""
    tf = tensorflow()
    bits = tf.round(8 - 4 * tf.abs(strengths))[:, None, None, None]
    step = tf.pow(2.0, 8 - bits)
    return tf.floor(tf.round(images * 255) / step) * step / 255


def _sharpness(images, kinds, strengths):
    tf = tensorflow()
    rows, columns, channels = images.shape[1:]
    kernel = tf.constant([[1.0, 1, 1], [1, 5, 1], [1, 1, 1]])[..., None, None] / 13
    kernel = tf.repeat(kernel, channels, axis=2)
    smooth = tf.nn.depthwise_conv2d(images, kernel, [1, 1, 1, 1], "SAME")
    margin = [[0, 0], [1, 1], [1, 1], [0, 0]]
    inner = tf.pad(tf.ones((1, rows - 2, columns - 2, 1)), margin) > 0
    smooth = tf.where(inner, smooth, images)
    amount = MAX_ENHANCEMENT * tf.abs(strengths)[:, None, None, None]
    return images + amount * (images - smooth)


def _unchanged(images, kinds, strengths):
    return images


# Those of one function run together; it tells them apart by `kinds`.
FUNCTIONS = {
    "identity": _unchanged,
    "auto_contrast": _auto_contrast,
    "equalize": _equalize,
    "rotate": _moved,
    "solarize": _solarize,
    "saturation": _recoloured,
    "posterize": _posterize,
    "contrast": _recoloured,
    "brightness": _recoloured,
    "sharpness": _sharpness,
    "shear_x": _moved,
    "shear_y": _moved,
    "translate_x": _moved,
    "translate_y": _moved,
}
OPERATIONS = tuple(FUNCTIONS)
GROUPS = tuple(dict.fromkeys(FUNCTIONS.values()))
GROUP_OF_KIND = tuple(map(GROUPS.index, FUNCTIONS.values()))
