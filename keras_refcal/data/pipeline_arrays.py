"""What augmentation computes with in `tf.data`; `device_arrays` has the same names.

The kernels that TensorFlow has for crops and warps are the quickest on a processor.
"""

from keras_refcal.backend.data_library import tensorflow

tf = tensorflow()

__all__ = [
    "abs",
    "any",
    "arange",
    "argmax",
    "argsort",
    "by_group",
    "cast",
    "clip",
    "cos",
    "count",
    "crop",
    "cumsum",
    "exp",
    "eye",
    "floor",
    "full",
    "integers",
    "is_bytes",
    "matmul",
    "max",
    "maximum",
    "mean",
    "min",
    "pad",
    "pick",
    "power",
    "recolour",
    "repeat",
    "reshape",
    "round",
    "rows",
    "sign",
    "sin",
    "split",
    "sqrt",
    "stack",
    "sum",
    "take",
    "tensor",
    "transpose",
    "uniform",
    "warp",
    "where",
    "zeros_like",
]

abs, cast, clip, cos, exp, eye = (
    tf.abs,
    tf.cast,
    tf.clip_by_value,
    tf.cos,
    tf.exp,
    tf.eye,
)
any, max, mean = tf.reduce_any, tf.reduce_max, tf.reduce_mean
min, sum = tf.reduce_min, tf.reduce_sum
argsort, cumsum, floor, full = tf.argsort, tf.cumsum, tf.floor, tf.fill
maximum, pad, power, reshape = tf.maximum, tf.pad, tf.pow, tf.reshape
round, sign, sin, sqrt, stack = tf.round, tf.sign, tf.sin, tf.sqrt, tf.stack
repeat, take, transpose = tf.repeat, tf.gather, tf.transpose
arange, matmul, where, zeros_like = tf.range, tf.matmul, tf.where, tf.zeros_like


def tensor(values):
    """Returns numbers as a tensor of float32."""
    return tf.constant(values, tf.float32)


def rows(images):
    """Returns the number of images of a batch."""
    return tf.shape(images)[0]


def is_bytes(images):
    """Whether images are uint8."""
    return images.dtype == "uint8"


def uniform(seed, shape, low=0.0, high=1.0):
    """Returns float32 draws from `[low, high)`."""
    return tf.random.stateless_uniform(shape, seed, low, high)


def integers(seed, shape, count):
    """Returns int32 draws from 0 to `count - 1`."""
    return tf.random.stateless_uniform(shape, seed, 0, count, dtype=tf.int32)


def split(seed, count):
    """Returns `count` seeds made of one, alike for integers of 32 and of 64 bits."""
    return tf.unstack(tf.random.split(tf.cast(seed, tf.int64), count))


def argmax(values, axis):
    """Returns the first place of the largest value along an axis, int32."""
    return tf.argmax(values, axis=axis, output_type=tf.int32)


def pick(table, index):
    """Returns one entry of each row: `table[i, index[i]]`, `(batch, ...)`."""
    return tf.gather(table, index, batch_dims=1)


def count(numbers, size):
    """Returns how often each of `0 .. size - 1` is among numbers."""
    return tf.math.bincount(tf.reshape(numbers, [-1]), minlength=size)


def by_group(functions, groups, *arrays):
    """Returns rows after the function of their group, which sees its rows alone."""
    chosen = tf.dynamic_partition(tf.range(rows(groups)), groups, len(functions))
    parts = [
        function(*(tf.gather(x, numbers) for x in arrays))
        for function, numbers in zip(functions, chosen, strict=True)
    ]
    return tf.ensure_shape(tf.dynamic_stitch(chosen, parts), arrays[0].shape)


def crop(images, top, bottom, left, right, reach, black=False):
    """Returns images at evenly spaced rows and columns, by bilinear interpolation.

    Args:
        images: Shape `(batch, height, width, channels)`.
        top: Row of the first row of pixels, `(batch,)`; a pixel's centre is at a whole
            number.
        bottom: Row of the last one.
        left: Column of the first column of pixels.
        right: Column of the last one.
        reach: How far these lie outside the image at most, a whole number.
        black: Whether it is black there, rather than as at the edge.
    """
    height, width = images.shape[1:3]
    if black:
        margin = [reach, reach]
        images = tf.pad(images, [[0, 0], margin, margin, [0, 0]])
    else:
        # One row is repeated `reach` times at most; `tf.pad` cannot.
        images = tf.concat([images[:, :1]] * reach + [images, images[:, -1:]], axis=1)
        images = tf.concat(
            [images[:, :, :1]] * reach + [images, images[:, :, -1:]], axis=2
        )
    down, across = (side - 1.0 for side in images.shape[1:3])
    boxes = [
        (top + reach) / down,
        (left + reach) / across,
        (bottom + reach) / down,
        (right + reach) / across,
    ]
    return tf.image.crop_and_resize(
        images, tf.stack(boxes, axis=1), tf.range(rows(images)), (height, width)
    )


def warp(images, a, b, right, c, d, down):
    """Returns images whose pixel (x, y) is at `(a x + b y + right, c x + d y + down)`.

    By bilinear interpolation; outside the image is black.
    """
    zero = tf.zeros_like(a)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=tf.stack([a, b, right, c, d, down, zero, zero], axis=1),
        output_shape=images.shape[1:3],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )


def recolour(images, matrix, offset):
    """Returns `images @ matrix + offset`, `matrix` and `offset` one an image."""
    height, width = images.shape[1:3]
    pixels = tf.reshape(images, (-1, height * width, 3)) @ matrix
    # One long row an image: adding along an axis of three is slow.
    pixels = tf.reshape(pixels, (-1, height * width * 3)) + offset[:, None]
    return tf.reshape(pixels, (-1, height, width, 3))
