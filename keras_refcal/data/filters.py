"""Filters and warps of image batches in NumPy, for `corruptions`.

Shapes: `images` are `(batch, height, width, channels)`, float in [0, 1].
"""

import numpy as np


def gaussian_blur(images, sigma, mode="edge", truncate=4.0):
    """Returns images blurred by a Gaussian, cut at `truncate` deviations."""
    reach = int(truncate * sigma + 0.5)
    if reach == 0:
        return images
    taps = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    taps = taps / taps.sum()
    return convolve(convolve(images, taps[:, None], mode), taps[None, :], mode)


def convolve(images, kernel, mode):
    """Returns images filtered by a kernel of odd sides, with edges as `np.pad`'s."""
    down, across = (side // 2 for side in kernel.shape)
    padded = np.pad(images, ((0, 0), (down, down), (across, across), (0, 0)), mode)
    rows, columns = images.shape[1:3]
    result = np.zeros(images.shape, images.dtype)
    for i, j in zip(*np.nonzero(kernel), strict=True):
        window = padded[:, i : i + rows, j : j + columns]
        result += kernel[i, j].astype(images.dtype) * window
    return result


def disk(radius, blur):
    """Returns the kernel of a lens out of focus: a disk with soft edges."""
    reach = int(radius) + 1
    steps = np.arange(-reach, reach + 1)
    inside = (steps[:, None] ** 2 + steps**2 <= radius**2).astype(float)
    taps = np.exp(-0.5 * (np.arange(-1, 2) / blur) ** 2)
    taps = np.outer(taps, taps)
    soft = convolve((inside / inside.sum())[None, ..., None], taps / taps.sum(), "edge")
    return soft[0, ..., 0]


def motion_blur(images, radius, sigma, angles):
    """Returns images smeared along a line, as ImageMagick does.

    Args:
        images: Shape `(batch, height, width, channels)`.
        radius: The smear has `2 * radius + 1` pixels.
        sigma: Deviation of the half Gaussian that weighs them.
        angles: Direction of each image, in degrees, shape `(batch,)`.
    """
    steps = np.arange(2 * radius + 1)
    weights = np.exp(-0.5 * (steps / sigma) ** 2)
    weights = weights / weights.sum()
    turn = np.deg2rad(angles)[:, None]
    across = np.ceil(steps * np.cos(turn) - 0.5).astype(int)
    down = np.ceil(steps * np.sin(turn) - 0.5).astype(int)
    rows, columns = images.shape[1:3]
    numbers = np.arange(len(images))[:, None, None]
    result = np.zeros(images.shape, images.dtype)
    for step, weight in enumerate(weights):
        y = np.clip(np.arange(rows) + down[:, step, None], 0, rows - 1)
        x = np.clip(np.arange(columns) + across[:, step, None], 0, columns - 1)
        result += (
            weight.astype(images.dtype) * images[numbers, y[:, :, None], x[:, None]]
        )
    return result


def zoom(images, factor):
    """Returns the middle of the images, enlarged by `factor` to their size."""
    rows, columns = (_zoom_matrix(side, factor) for side in images.shape[1:3])
    return _on_both_axes(images, rows, columns)


def box_resize(images, size):
    """Returns images resized by means of boxes, as Pillow's `BOX` does."""
    rows = _box_matrix(images.shape[1], size[0])
    columns = _box_matrix(images.shape[2], size[1])
    return _on_both_axes(images, rows, columns)


def sample(images, y, x, mode):
    """Returns images at real coordinates, by bilinear interpolation.

    Args:
        images: Shape `(batch, height, width, channels)`.
        y: Rows, shape `(batch, height, width)`.
        x: Columns, likewise.
        mode: `"symmetric"` or `"reflect"`, as in `np.pad`.
    """
    top, left = np.floor(y).astype(int), np.floor(x).astype(int)
    down, across = (y - top)[..., None], (x - left)[..., None]
    numbers = np.arange(len(images))[:, None, None]
    result = np.zeros(images.shape)
    for i, row_weight in ((0, 1 - down), (1, down)):
        for j, column_weight in ((0, 1 - across), (1, across)):
            rows = _within(top + i, images.shape[1], mode)
            columns = _within(left + j, images.shape[2], mode)
            result += row_weight * column_weight * images[numbers, rows, columns]
    return result.astype(images.dtype)


def plasma(count, size, decay, generator):
    """Returns cloudy maps in [0, 1], `(count, size, size)`, by diamond-square.

    Args:
        count: Number of maps.
        size: Side of the maps.
        decay: How much less each finer step adds.
        generator: A `np.random.Generator`.
    """
    side = 1 << max(1, (size - 1).bit_length())
    clouds = np.zeros((count, side, side))
    step, swing = side, 100.0
    while step >= 2:
        half = step // 2

        def middle(corners, swing=swing):
            shift = generator.uniform(-swing, swing, corners.shape)
            return corners / 4 + swing * shift

        grid = clouds[:, ::step, ::step]
        pairs = grid + np.roll(grid, -1, axis=1)
        clouds[:, half::step, half::step] = middle(pairs + np.roll(pairs, -1, axis=2))
        centres = clouds[:, half::step, half::step]
        for axis in (1, 2):
            # Between two corners along one axis, and two centres along the other.
            along = grid + np.roll(grid, -1, axis=axis)
            beside = centres + np.roll(centres, 1, axis=3 - axis)
            places = (slice(None), *_offsets(axis, half, step))
            clouds[places] = middle(along + beside)
        step, swing = half, swing / decay
    clouds -= clouds.min(axis=(1, 2), keepdims=True)
    clouds /= clouds.max(axis=(1, 2), keepdims=True)
    return clouds[:, :size, :size]


def _on_both_axes(images, rows, columns):
    """Returns images whose rows and columns are weighted sums of theirs."""
    count, height, width, channels = images.shape
    flat = images.reshape(count, height, width * channels)
    flat = rows.astype(images.dtype) @ flat
    images = flat.reshape(count, len(rows), width, channels)
    return columns.astype(images.dtype) @ images


def _offsets(axis, half, step):
    starts = (half, 0) if axis == 1 else (0, half)
    return tuple(slice(start, None, step) for start in starts)


def _zoom_matrix(side, factor):
    part = int(np.ceil(side / factor))
    enlarged = round(part * factor)
    first, trim = (side - part) // 2, (enlarged - side) // 2
    places = first + (trim + np.arange(side)) * (part - 1) / (enlarged - 1)
    low = np.minimum(np.floor(places).astype(int), side - 2)
    matrix = np.zeros((side, side))
    matrix[np.arange(side), low] = 1 - (places - low)
    matrix[np.arange(side), low + 1] = places - low
    return matrix


def _box_matrix(side, new_side):
    scale = side / new_side
    middles = (np.arange(new_side)[:, None] + 0.5) * scale
    reach = 0.5 * max(scale, 1.0)
    pixels = np.arange(side)
    inside = (pixels >= np.floor(middles - reach + 0.5)) & (
        pixels < np.floor(middles + reach + 0.5)
    )
    return inside / inside.sum(axis=1, keepdims=True)


def _within(places, side, mode):
    period = 2 * side if mode == "symmetric" else 2 * (side - 1)
    places = places % period
    mirrored = period - 1 - places if mode == "symmetric" else period - places
    return np.where(places < side, places, mirrored)
