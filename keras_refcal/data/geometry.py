"""Random crops, flips and affine maps of whole batches, drawn anew for every image.

Shapes: `images` are `(batch, height, width, channels)`, uint8 or float in [0, 1];
`seed` is one of `seeds`, and `xp` the arrays that go with it. Results are float32;
crops of uint8 images keep their range of 0 to 255.
"""

import math

from keras_refcal.data.seeds import arrays

ATTEMPTS = 10


def random_resized_crop(images, seed, area=(0.2, 1.0), aspect=(3 / 4, 4 / 3), flip=0.5):
    """Returns random parts of the images at full size, some of them mirrored.

    Areas are uniform and aspect ratios log-uniform. A box that does not fit is drawn
    again, up to ten times; after that the whole image is taken, as torchvision does.

    Args:
        images: Shape `(batch, height, width, channels)`.
        seed: See `seeds`.
        area: Smallest and largest share of the image's area.
        aspect: Smallest and largest width over height.
        flip: Probability of a horizontal flip.
    """
    xp = arrays(seed)
    box_seed, place_seed = xp.split(seed, 2)
    batch, size = xp.rows(images), images.shape[1:3]
    height, width = _box_sizes(batch, size, box_seed, area, aspect)
    draws = xp.uniform(place_seed, (3, batch))
    top = xp.floor(draws[0] * (size[0] - height + 1))
    left = xp.floor(draws[1] * (size[1] - width + 1))
    return crop(images, top, left, height, width, draws[2] < flip, xp)


def crop(images, top, left, height, width, flipped, xp):
    """Returns boxes of the images at full size, by bilinear interpolation.

    Pixels are squares whose centres lie at half-integers, and those at the edge reach
    beyond it. The box and `flipped` are one value an image, in pixels.
    """
    rows, columns = images.shape[1:3]
    first_row = top + 0.5 * height / rows - 0.5
    last_row = first_row + (rows - 1) * height / rows
    first_column = left + 0.5 * width / columns - 0.5
    last_column = first_column + (columns - 1) * width / columns
    start = xp.where(flipped, last_column, first_column)
    stop = xp.where(flipped, first_column, last_column)
    return xp.crop(images, first_row, last_row, start, stop, reach=1)


def random_shift(images, seed, pixels=4, flip=0.5):
    """Returns images moved by up to `pixels`, black where they leave, some mirrored."""
    xp = arrays(seed)
    batch, (rows, columns) = xp.rows(images), images.shape[1:3]
    draws = xp.uniform(seed, (3, batch))
    top = xp.floor(draws[0] * (2 * pixels + 1)) - pixels
    left = xp.floor(draws[1] * (2 * pixels + 1)) - pixels
    right = left + columns - 1
    flipped = draws[2] < flip
    start, stop = xp.where(flipped, right, left), xp.where(flipped, left, right)
    return xp.crop(images, top, top + rows - 1, start, stop, pixels, black=True)


def warp(images, a, b, c, d, right, down, xp):
    """Returns images whose pixel (x, y) comes from a linear map of (x, y).

    The source lies at `(a x + b y + right, c x + d y + down)`, in pixels from the
    image's centre, one value an image. Outside the image is black.
    """
    rows, columns = images.shape[1:3]
    middle_x, middle_y = (columns - 1) / 2, (rows - 1) / 2
    x = middle_x + right - (a * middle_x + b * middle_y)
    y = middle_y + down - (c * middle_x + d * middle_y)
    return xp.warp(images, a, b, x, c, d, y)


def cutout(images, seed, side=0.5, fill=0.5):
    """Returns images with a grey square each, around a point drawn by chance.

    The square is cut off at the edges of an image.

    Args:
        images: Shape `(batch, height, width, channels)`, float32 in [0, 1].
        seed: See `seeds`.
        side: Side of the square, as a share of an image's height.
        fill: Its colour.

    Reference:
        [DeVries and Taylor, 2017](https://arxiv.org/abs/1708.04552).
    """
    xp = arrays(seed)
    rows, columns = images.shape[1:3]
    draws = xp.uniform(seed, (2, xp.rows(images)))[:, :, None]
    half = round(side * rows) / 2
    inside = []
    for middles, count in zip((draws[0], draws[1]), (rows, columns), strict=True):
        first = xp.floor(middles * count) - half
        places = xp.tensor([float(place) for place in range(count)])
        inside.append((places >= first) & (places < first + 2 * half))
    down, across = inside
    hole = (down[:, :, None] & across[:, None, :])[..., None]
    return xp.where(hole, fill, images)


def _box_sizes(batch, size, seed, area, aspect):
    """Returns heights and widths of random boxes, whole numbers of pixels."""
    xp = arrays(seed)
    draws = xp.uniform(seed, (2, batch, ATTEMPTS))
    areas = (area[0] + draws[0] * (area[1] - area[0])) * (size[0] * size[1])
    low, high = math.log(aspect[0]), math.log(aspect[1])
    aspects = xp.exp(low + draws[1] * (high - low))
    widths = xp.round(xp.sqrt(areas * aspects))
    heights = xp.round(xp.sqrt(areas / aspects))
    fits = (heights >= 1) & (heights <= size[0]) & (widths >= 1) & (widths <= size[1])
    first = xp.argmax(xp.cast(fits, "int32"), axis=1)
    any_fits = xp.any(fits, axis=1)
    return (
        xp.where(any_fits, xp.pick(heights, first), float(size[0])),
        xp.where(any_fits, xp.pick(widths, first), float(size[1])),
    )
