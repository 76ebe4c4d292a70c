"""Random crops, flips and affine maps of whole batches, drawn anew for every image.

Shapes: `images` are `(batch, height, width, channels)`, uint8 or float in [0, 1];
`seed` is a pair of integers, as `tf.random.stateless_uniform` takes. Results are
float32; crops of uint8 images keep their range of 0 to 255.
"""

import math

from keras_refcal.backend.data_library import tensorflow
from keras_refcal.data.seeds import split

ATTEMPTS = 10


def random_resized_crop(images, seed, area=(0.2, 1.0), aspect=(3 / 4, 4 / 3), flip=0.5):
    """Returns random parts of the images at full size, some of them mirrored.

    Areas are uniform and aspect ratios log-uniform. A box that does not fit is drawn
    again, up to ten times; after that the whole image is taken, as torchvision does.

    Args:
        images: Shape `(batch, height, width, channels)`.
        seed: Pair of integers.
        area: Smallest and largest share of the image's area.
        aspect: Smallest and largest width over height.
        flip: Probability of a horizontal flip.
    """
    tf = tensorflow()
    box_seed, place_seed = split(seed, 2)
    batch, size = tf.shape(images)[0], images.shape[1:3]
    height, width = _box_sizes(batch, size, box_seed, area, aspect)
    draws = tf.random.stateless_uniform((3, batch), place_seed)
    top = tf.floor(draws[0] * (size[0] - height + 1))
    left = tf.floor(draws[1] * (size[1] - width + 1))
    return crop(images, top, left, height, width, draws[2] < flip)


def crop(images, top, left, height, width, flipped):
    """Returns boxes of the images at full size, by bilinear interpolation.

    Pixels are squares whose centres lie at half-integers, and those at the edge reach
    beyond it. The box and `flipped` are one value an image, in pixels.
    """
    tf = tensorflow()
    rows, columns = images.shape[1:3]
    # `crop_and_resize` counts from corner to corner; a border keeps half a pixel
    # around the image within its range.
    padded = tf.concat([images[:, :1], images, images[:, -1:]], axis=1)
    padded = tf.concat([padded[:, :, :1], padded, padded[:, :, -1:]], axis=2)
    first_row = top + 0.5 * height / rows + 0.5
    last_row = first_row + (rows - 1) * height / rows
    first_column = left + 0.5 * width / columns + 0.5
    last_column = first_column + (columns - 1) * width / columns
    start = tf.where(flipped, last_column, first_column) / (columns + 1)
    stop = tf.where(flipped, first_column, last_column) / (columns + 1)
    boxes = [first_row / (rows + 1), start, last_row / (rows + 1), stop]
    numbers = tf.range(tf.shape(images)[0])
    return tf.image.crop_and_resize(
        padded, tf.stack(boxes, axis=1), numbers, (rows, columns)
    )


def random_shift(images, seed, pixels=4, flip=0.5):
    """Returns images moved by up to `pixels`, black where they leave, some mirrored."""
    tf = tensorflow()
    batch, (rows, columns) = tf.shape(images)[0], images.shape[1:3]
    draws = tf.random.stateless_uniform((3, batch), seed)
    top, left = tf.unstack(tf.floor(draws[:2] * (2 * pixels + 1)))
    margin = [pixels, pixels]
    padded = tf.pad(images, [[0, 0], margin, margin, [0, 0]])
    right = left + columns - 1
    flipped = draws[2] < flip
    across = float(columns + 2 * pixels - 1)
    down = float(rows + 2 * pixels - 1)
    boxes = [
        top / down,
        tf.where(flipped, right, left) / across,
        (top + rows - 1) / down,
        tf.where(flipped, left, right) / across,
    ]
    return tf.image.crop_and_resize(
        padded, tf.stack(boxes, axis=1), tf.range(batch), (rows, columns)
    )


def warp(images, a, b, c, d, right, down):
    """Returns images whose pixel (x, y) comes from a linear map of (x, y).

    The source lies at `(a x + b y + right, c x + d y + down)`, in pixels from the
    image's centre, one value an image. Outside the image is black.
    """
    tf = tensorflow()
    rows, columns = images.shape[1:3]
    middle_x, middle_y = (columns - 1) / 2, (rows - 1) / 2
    x = middle_x + right - (a * middle_x + b * middle_y)
    y = middle_y + down - (c * middle_x + d * middle_y)
    zero = tf.zeros_like(a)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=tf.stack([a, b, x, c, d, y, zero, zero], axis=1),
        output_shape=(rows, columns),
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )


def _box_sizes(batch, size, seed, area, aspect):
    """Returns heights and widths of random boxes, whole numbers of pixels."""
    tf = tensorflow()
    draws = tf.random.stateless_uniform((2, batch, ATTEMPTS), seed)
    areas = (area[0] + draws[0] * (area[1] - area[0])) * (size[0] * size[1])
    low, high = math.log(aspect[0]), math.log(aspect[1])
    aspects = tf.exp(low + draws[1] * (high - low))
    widths = tf.round(tf.sqrt(areas * aspects))
    heights = tf.round(tf.sqrt(areas / aspects))
    fits = (heights >= 1) & (heights <= size[0]) & (widths >= 1) & (widths <= size[1])
    first = tf.argmax(fits, axis=1, output_type=tf.int32)
    any_fits = tf.reduce_any(fits, axis=1)
    height = tf.gather(heights, first, batch_dims=1)
    width = tf.gather(widths, first, batch_dims=1)
    return (
        tf.where(any_fits, height, float(size[0])),
        tf.where(any_fits, width, float(size[1])),
    )
