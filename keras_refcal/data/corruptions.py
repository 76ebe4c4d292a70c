"""The corruptions of CIFAR-C, computed from any images, in five severities.

The strengths are those that made CIFAR-10-C. Two of its families are left out: frost
needs photographs of frost, and spatter needs edge detection that only OpenCV has. What
rests on chance has the published distribution, not the published draws.

Reference:
    [Hendrycks and Dietterich, 2019](https://arxiv.org/abs/1903.12261).
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from keras_refcal.backend.data_library import tensorflow
from keras_refcal.data import filters
from keras_refcal.validation import check_choice

SEVERITIES = (1, 2, 3, 4, 5)


def corrupt(images: ArrayLike, corruption: Any, severity: Any, seed: int = 0) -> Any:
    """Returns corrupted images.

    Args:
        images: uint8, shape `(n, height, width, 3)`.
        corruption: One of `CORRUPTIONS`.
        severity: 1 to 5.
        seed: Seed of what rests on chance; it draws for all images at once.

    Returns:
        uint8, of the same shape.

    Raises:
        ValueError: If an argument does not fit.

    >>> images = np.full((2, 32, 32, 3), 100, "uint8")
    >>> corrupt(images, "gaussian_noise", severity=3).shape
    (2, 32, 32, 3)
    """
    check_choice("corruption", corruption, CORRUPTIONS)
    check_choice("severity", severity, SEVERITIES)
    images = np.asarray(images)
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] != 3:
        raise ValueError(
            "`images` must be uint8 of shape (n, height, width, 3). Received: "
            f"{images.dtype} of shape {images.shape}"
        )
    function, strengths = CORRUPTIONS[corruption]
    number = sorted(CORRUPTIONS).index(corruption)
    generator = np.random.default_rng([seed, number, severity])
    strength = strengths[severity - 1]
    corrupted = []
    for start in range(0, len(images), 1000):
        block = images[start : start + 1000] / np.float32(255)
        corrupted.append(_bytes(function(block, strength, generator)))
    return np.concatenate([images[:0], *corrupted])


def _bytes(images):
    # CIFAR-C cuts fractions off; the small addition undoes float32 rounding.
    return (np.clip(images, 0, 1) * 255 + 1e-3).astype("uint8")


def _gaussian_noise(images, strength, generator):
    return images + generator.normal(0, strength, images.shape)


def _shot_noise(images, strength, generator):
    return generator.poisson(images * strength) / strength


def _impulse_noise(images, strength, generator):
    hit = generator.uniform(size=images.shape) < strength
    salt = generator.uniform(size=images.shape) < 0.5
    return np.where(hit, salt.astype("float32"), images)


def _speckle_noise(images, strength, generator):
    return images + images * generator.normal(0, strength, images.shape)


def _gaussian_blur(images, strength, generator):
    return filters.gaussian_blur(images, strength)


def _glass_blur(images, strength, generator):
    """Takes pixels from near by, between two blurs.

    The published code means to exchange two pixels and copies one: so does this.
    """
    sigma, reach, rounds = strength
    images = filters.gaussian_blur(images, sigma).copy()
    rows, columns = images.shape[1:3]
    numbers = np.arange(len(images))
    for _ in range(rounds):
        for row in range(rows - reach, reach, -1):
            for column in range(columns - reach, reach, -1):
                x, y = generator.integers(-reach, reach, (2, len(images)))
                images[:, row, column] = images[numbers, row + y, column + x]
    return filters.gaussian_blur(images, sigma)


def _defocus_blur(images, strength, generator):
    return filters.convolve(images, filters.disk(*strength), "reflect")


def _motion_blur(images, strength, generator):
    angles = generator.uniform(-45, 45, len(images))
    return filters.motion_blur(images, *strength, angles)


def _zoom_blur(images, strength, generator):
    factors = np.arange(1, strength, 0.01)
    enlarged = sum(filters.zoom(images, factor) for factor in factors)
    return (images + enlarged) / (len(factors) + 1)


def _snow(images, strength, generator):
    mean, deviation, factor, threshold, radius, sigma, opacity = strength
    flakes = generator.normal(mean, deviation, (*images.shape[:3], 1))
    flakes = filters.zoom(flakes, factor)
    flakes = np.clip(np.where(flakes < threshold, 0, flakes), 0, 1)
    angles = generator.uniform(-135, -45, len(images))
    flakes = filters.motion_blur(flakes, radius, sigma, angles)
    pale = np.maximum(images, _luma(images) * 1.5 + 0.5)
    images = opacity * images + (1 - opacity) * pale
    return images + flakes + flakes[:, ::-1, ::-1]


def _fog(images, strength, generator):
    amount, decay = strength
    brightest = images.max(axis=(1, 2, 3), keepdims=True)
    size = max(images.shape[1:3])
    clouds = filters.plasma(len(images), size, decay, generator)
    clouds = clouds[:, : images.shape[1], : images.shape[2], None]
    return (images + amount * clouds) * brightest / (brightest + amount)


def _brightness(images, strength, generator):
    hue, saturation, value = _to_hsv(images)
    return _from_hsv(hue, saturation, np.clip(value + strength, 0, 1))


def _saturate(images, strength, generator):
    factor, shift = strength
    hue, saturation, value = _to_hsv(images)
    return _from_hsv(hue, np.clip(saturation * factor + shift, 0, 1), value)


def _contrast(images, strength, generator):
    means = images.mean(axis=(1, 2), keepdims=True)
    return (images - means) * strength + means


def _elastic(images, strength, generator):
    amount, sigma, shift = (value * images.shape[1] for value in strength)
    count, rows, columns = images.shape[:3]
    y, x = np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij")
    places = _affine(rows, columns, shift, y, x, count, generator)
    images = filters.sample(images, *places, "reflect")
    moves = generator.uniform(-1, 1, (2, count, rows, columns, 1))
    if sigma > 0:
        moves = [filters.gaussian_blur(m, sigma, "symmetric", 3.0) for m in moves]
    down, across = (amount * move[..., 0] for move in moves)
    return filters.sample(images, y + down, x + across, "symmetric")


def _affine(rows, columns, shift, y, x, count, generator):
    """Returns where pixels come from when three points move by up to `shift`."""
    centre = np.array([rows, columns]) // 2
    side = min(rows, columns) // 3
    before = centre + side * np.array([(1.0, 1.0), (1.0, -1.0), (-1.0, -1.0)])
    after = before + generator.uniform(-shift, shift, (count, 3, 2))
    # Rows (x, y, 1) of the moved points, solved for the points they came from.
    moved = np.concatenate([after, np.ones((count, 3, 1))], axis=2)
    matrix = np.linalg.solve(moved, np.broadcast_to(before, (count, 3, 2)))
    places = np.stack([x, y, np.ones_like(x)], axis=-1) @ matrix[:, None]
    return places[..., 1], places[..., 0]


def _pixelate(images, strength, generator):
    rows, columns = images.shape[1:3]
    small = filters.box_resize(images, (int(rows * strength), int(columns * strength)))
    return filters.box_resize(small, (rows, columns))


def _jpeg(images, strength, generator):
    tf = tensorflow()

    def compressed(image):
        encoded = tf.io.encode_jpeg(image, quality=strength)
        return tf.io.decode_jpeg(encoded, channels=3)

    with tf.device("CPU"):
        images = np.round(images * 255).astype("uint8")
        return tf.map_fn(compressed, images).numpy() / np.float32(255)


def _luma(images):
    return (images @ np.array([0.299, 0.587, 0.114], images.dtype))[..., None]


def _to_hsv(images):
    tf = tensorflow()
    with tf.device("CPU"):
        return np.moveaxis(tf.image.rgb_to_hsv(images).numpy(), -1, 0)


def _from_hsv(hue, saturation, value):
    tf = tensorflow()
    with tf.device("CPU"):
        return tf.image.hsv_to_rgb(np.stack([hue, saturation, value], axis=-1)).numpy()


SNOW = (
    (0.1, 0.2, 1, 0.6, 8, 3, 0.95),
    (0.1, 0.2, 1, 0.5, 10, 4, 0.9),
    (0.15, 0.3, 1.75, 0.55, 10, 4, 0.9),
    (0.25, 0.3, 2.25, 0.6, 12, 6, 0.85),
    (0.3, 0.3, 1.25, 0.65, 14, 12, 0.8),
)
ELASTIC = (
    (0.0, 0.0, 0.08),
    (0.05, 0.2, 0.07),
    (0.08, 0.06, 0.06),
    (0.1, 0.04, 0.05),
    (0.1, 0.03, 0.03),
)
CORRUPTIONS = {
    "brightness": (_brightness, (0.05, 0.1, 0.15, 0.2, 0.3)),
    "contrast": (_contrast, (0.75, 0.5, 0.4, 0.3, 0.15)),
    "defocus_blur": (
        _defocus_blur,
        ((0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1, 0.2), (1.5, 0.1)),
    ),
    "elastic_transform": (_elastic, ELASTIC),
    "fog": (_fog, ((0.2, 3), (0.5, 3), (0.75, 2.5), (1, 2), (1.5, 1.75))),
    "gaussian_blur": (_gaussian_blur, (0.4, 0.6, 0.7, 0.8, 1.0)),
    "gaussian_noise": (_gaussian_noise, (0.04, 0.06, 0.08, 0.09, 0.10)),
    "glass_blur": (
        _glass_blur,
        ((0.05, 1, 1), (0.25, 1, 1), (0.4, 1, 1), (0.25, 1, 2), (0.4, 1, 2)),
    ),
    "impulse_noise": (_impulse_noise, (0.01, 0.02, 0.03, 0.05, 0.07)),
    "jpeg_compression": (_jpeg, (80, 65, 58, 50, 40)),
    "motion_blur": (_motion_blur, ((6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5))),
    "pixelate": (_pixelate, (0.95, 0.9, 0.85, 0.75, 0.65)),
    "saturate": (_saturate, ((0.3, 0), (0.1, 0), (1.5, 0), (2, 0.1), (2.5, 0.2))),
    "shot_noise": (_shot_noise, (500, 250, 100, 75, 50)),
    "snow": (_snow, SNOW),
    "speckle_noise": (_speckle_noise, (0.06, 0.1, 0.12, 0.16, 0.2)),
    "zoom_blur": (_zoom_blur, (1.06, 1.11, 1.16, 1.21, 1.26)),
}
