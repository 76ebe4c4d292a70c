"""What augmentation computes with in a step; `pipeline_arrays` has the same names.

The operations are those of Keras, so that they run on whatever device trains, inside
the compiled step. No image waits for another: shapes do not depend on draws.
"""

import functools

import keras
from keras.ops import (
    abs,
    any,
    arange,
    argmax,
    argsort,
    cast,
    clip,
    convert_to_tensor,
    cos,
    cumsum,
    exp,
    eye,
    floor,
    full,
    max,
    maximum,
    mean,
    min,
    pad,
    power,
    repeat,
    reshape,
    round,
    segment_sum,
    shape,
    sign,
    sin,
    sqrt,
    stack,
    sum,
    take,
    transpose,
    where,
    zeros_like,
)

from keras_refcal import backend

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


def tensor(values):
    """Returns numbers as a tensor of float32."""
    return convert_to_tensor(values, "float32")


def rows(images):
    """Returns the number of images of a batch."""
    return shape(images)[0]


def is_bytes(images):
    """Whether images are uint8."""
    return keras.backend.standardize_dtype(images.dtype) == "uint8"


def uniform(seed, shape, low=0.0, high=1.0):
    """Returns float32 draws from `[low, high)`."""
    return low + (high - low) * backend.uniform(seed.key, shape)


def integers(seed, shape, count):
    """Returns int32 draws from 0 to `count - 1`."""
    return cast(floor(count * backend.uniform(seed.key, shape)), "int32")


def split(seed, count):
    """Returns `count` seeds made of one."""
    return [type(seed)(key) for key in backend.split_key(seed.key, count)]


def pick(table, index):
    """Returns one entry of each row: `table[i, index[i]]`, `(batch, ...)`."""
    width, *entry = table.shape[1:]
    starts = width * arange(rows(table), dtype="int32")
    return take(reshape(table, (-1, *entry)), starts + cast(index, "int32"), axis=0)


def count(numbers, size):
    """Returns how often each of `0 .. size - 1` is among numbers."""
    numbers = reshape(numbers, (-1,))
    return segment_sum(zeros_like(numbers) + 1, numbers, num_segments=size)


def by_group(functions, groups, *arrays):
    """Returns rows after the function of their group; each function sees all rows."""
    results = [function(*arrays) for function in functions]
    places = reshape(groups, (-1, *[1] * (len(arrays[0].shape) - 1)))
    numbered = list(enumerate(results))[1:]
    return functools.reduce(
        lambda chosen, other: where(places == other[0], other[1], chosen),
        numbered,
        results[0],
    )


def matmul(a, b):
    """Returns products of matrices so small that a sum is quicker, and exact."""
    return sum(a[..., :, :, None] * b[..., None, :, :], axis=-2)


def crop(images, top, bottom, left, right, reach, black=False):
    """Returns images at evenly spaced rows and columns, see `pipeline_arrays`."""
    height, width = images.shape[1:3]
    y = _between(top, bottom, height)[:, :, None]
    x = _between(left, right, width)[:, None, :]
    return _sampled(images, y, x, black)


def warp(images, a, b, right, c, d, down):
    """Returns images at the places of a linear map, see `pipeline_arrays`."""
    a, b, right, c, d, down = (v[:, None, None] for v in (a, b, right, c, d, down))
    height, width = images.shape[1:3]
    y = arange(height, dtype="float32")[:, None]
    x = arange(width, dtype="float32")
    return _sampled(images, c * x + d * y + down, a * x + b * y + right, black=True)


def recolour(images, matrix, offset):
    """Returns `images @ matrix + offset`, `matrix` and `offset` one an image."""
    matrix = matrix[:, None, None]
    parts = [images[..., k, None] * matrix[..., k, :] for k in range(3)]
    return parts[0] + parts[1] + parts[2] + offset[:, None, None, None]


def _between(first, last, count):
    """Returns evenly spaced places, `(batch, count)`."""
    steps = arange(count, dtype="float32") / (count - 1 or 1)
    return first[:, None] + (last - first)[:, None] * steps


def _sampled(images, y, x, black):
    """Returns images at real coordinates, by bilinear interpolation.

    Args:
        images: Shape `(batch, height, width, channels)`.
        y: Rows; `y` and `x` broadcast to `(batch, new_height, new_width)`.
        x: Columns.
        black: Whether it is black outside an image, rather than as at its edge.
    """
    height, width, channels = images.shape[1:]
    pixels = cast(reshape(images, (-1, channels)), "float32")
    starts = height * width * arange(rows(images), dtype="int32")[:, None, None]
    if not black:
        y, x = clip(y, 0, height - 1), clip(x, 0, width - 1)
    top, left = floor(y), floor(x)
    total = 0.0
    for row, row_share in ((top, top + 1 - y), (top + 1, y - top)):
        for column, column_share in ((left, left + 1 - x), (left + 1, x - left)):
            share = row_share * column_share
            if black:
                outside = (row < 0) | (row > height - 1)
                outside = outside | (column < 0) | (column > width - 1)
                share = where(outside, 0.0, share)
            places = clip(row, 0, height - 1) * width + clip(column, 0, width - 1)
            corner = take(pixels, starts + cast(places, "int32"), axis=0)
            total = total + share[..., None] * corner
    return total
