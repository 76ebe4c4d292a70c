"""Images blended with each other, and their labels likewise."""

import functools

import numpy as np

from keras_refcal.data.colour import unit_range
from keras_refcal.data.seeds import arrays
from keras_refcal.validation import check_positive

QUANTILES = 1025


def mix_up(images, labels, seed, alpha=0.2):
    """Returns each image blended with another one, and labels blended likewise.

    Args:
        images: uint8 or float in [0, 1], shape `(batch, ..., channels)`.
        labels: Probabilities, shape `(batch, num_classes)`.
        seed: Pair of integers, or the seed of a step.
        alpha: Positive parameter of the Beta distribution of the weights, one an image.

    Returns:
        Images and labels, of the same shapes.

    Reference:
        [Zhang et al., 2018](https://arxiv.org/abs/1710.09412).

    >>> import numpy as np
    >>> images, labels = np.eye(2, dtype="float32")[:, :, None, None], np.eye(2)
    >>> mixed, soft = mix_up(images, labels, seed=(0, 1))
    >>> bool(np.allclose(mixed[:, :, 0, 0], soft))
    True
    """
    xp = arrays(seed)
    share_seed, order_seed = xp.split(seed, 2)
    count = xp.rows(images)
    shares = _beta(xp.uniform(share_seed, [count]), alpha, xp)
    partners = xp.argsort(xp.uniform(order_seed, [count]))

    def blended(values):
        share = xp.reshape(shares, (-1, *[1] * (len(values.shape) - 1)))
        return share * values + (1 - share) * xp.take(values, partners, axis=0)

    return blended(unit_range(images, xp)), blended(xp.cast(labels, "float32"))


def reg_mix_up(images, labels, seed, alpha=10.0):
    """Returns the images and, after them, as many blended ones; labels likewise.

    Half of a mean loss over them is that of the images as they are.

    Args:
        images: uint8 or float in [0, 1], shape `(batch, ..., channels)`.
        labels: Probabilities, shape `(batch, num_classes)`.
        seed: Pair of integers, or the seed of a step.
        alpha: Positive parameter of the Beta distribution of the weights.

    Returns:
        Images and labels, of `2 * batch` rows.

    Reference:
        [Pinto et al., 2022](https://arxiv.org/abs/2206.14502).
    """
    xp = arrays(seed)
    mixed = mix_up(images, labels, seed, alpha)
    clean = unit_range(images, xp), xp.cast(labels, "float32")
    images, labels = (
        xp.reshape(xp.stack(pair), (-1, *pair[0].shape[1:]))
        for pair in zip(clean, mixed, strict=True)
    )
    return images, labels


def _beta(uniform, alpha, xp):
    """Returns draws from Beta(alpha, alpha), made of uniform ones."""
    check_positive("alpha", alpha)
    table = xp.tensor(_beta_quantiles(float(alpha)))
    places = uniform * (QUANTILES - 1)
    below = xp.floor(places)
    first = xp.take(table, xp.cast(below, "int32"))
    second = xp.take(table, xp.cast(below, "int32") + 1)
    return first + (places - below) * (second - first)


@functools.cache
def _beta_quantiles(alpha):
    """Returns evenly spaced quantiles of Beta(alpha, alpha), 0 and 1 included."""
    # In log-odds the density is smooth: (x (1 - x)) ** alpha.
    reach = 40 / min(alpha, 1.0)
    odds = np.linspace(-reach, reach, 200_001)
    density = np.exp(-alpha * (np.logaddexp(0, odds) + np.logaddexp(0, -odds)))
    below = np.cumsum(density) - density / 2
    values = np.interp(np.linspace(0, 1, QUANTILES), below / density.sum(), odds)
    return 1 / (1 + np.exp(-np.clip(values, -700, 700)))
