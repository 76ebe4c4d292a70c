"""Augmentation of whole batches, a pure function of images and seed.

Keras' own layers draw from a generator that a resumed run cannot rewind; here the
same seed gives the same views, whatever came before. `from_layer` makes such a function
of a Keras layer.

An augmentation is a function of `(images, seed)`. `images` are
`(batch, height, width, channels)`, uint8 or float in [0, 1]. It returns float32 in
[0, 1], every image changed by draws of its own. The same functions serve two places: a
`tf.data` pipeline, where `seed` is a pair of integers, as
`tf.random.stateless_uniform` takes; and the step of a `RefCalModel` with
`augmentation=`, on whatever device trains, where the model makes the seed.
"""

import math

from keras_refcal.data import colour, geometry, policies
from keras_refcal.data.keras_layers import cut_mix, from_layer
from keras_refcal.data.mixing import mix_up, reg_mix_up
from keras_refcal.data.seeds import arrays

__all__ = [
    "AUGMENTATIONS",
    "affine",
    "augmented_views",
    "auto_augment",
    "crop_flip",
    "cut_mix",
    "from_layer",
    "get",
    "identity",
    "mix_up",
    "normalized",
    "rand_augment",
    "reg_mix_up",
    "shift_flip",
    "simclr",
    "trivial_augment",
]


def get(name):
    """Returns an augmentation, a function of `(images, seed)`, by name.

    Raises:
        ValueError: If there is no augmentation of that name.
    """
    if name not in AUGMENTATIONS:
        raise ValueError(
            f"Unknown augmentation {name!r}. Expected one of {sorted(AUGMENTATIONS)}."
        )
    return AUGMENTATIONS[name]


def identity(images, seed):
    """Returns the images as they are, in [0, 1]."""
    return colour.unit_range(images, arrays(seed))


def simclr(images, seed):
    """Returns a view as the published first stage draws it, before normalisation.

    A random resized crop (area 0.2 to 1, aspect 3/4 to 4/3), a horizontal flip,
    brightness, contrast, saturation (0.4 each) and hue (0.1) with probability 0.8, and
    grayscale with probability 0.2. A single channel counts as grey.

    Reference:
        [Chen et al., 2020](https://arxiv.org/abs/2002.05709), as set by
        [Khosla et al., 2020](https://arxiv.org/abs/2004.11362).
    """
    xp = arrays(seed)
    crop_seed, colour_seed = xp.split(seed, 2)
    crops = geometry.random_resized_crop(images, crop_seed)
    white, channels = colour.white(images, xp), images.shape[-1]
    if channels == 1:
        crops = xp.repeat(crops, 3, axis=-1)
    return colour.jitter(crops, colour_seed, white=white)[..., :channels]


def crop_flip(images, seed):
    """Returns a view as the published second stage draws it.

    A random resized crop (area 0.2 to 1, aspect 3/4 to 4/3) and a horizontal flip.
    """
    return geometry.random_resized_crop(images, seed) / colour.white(
        images, arrays(seed)
    )


def shift_flip(images, seed):
    """Returns images moved by up to 4 pixels and mirrored by chance.

    The usual augmentation of CIFAR: a crop of the image within a black margin.
    """
    return geometry.random_shift(images, seed) / colour.white(images, arrays(seed))


def affine(images, seed, angle=12.0, zoom=0.15, shift=0.12, contrast=0.3):
    """Returns images turned, zoomed, moved and changed in contrast, each by chance.

    Args:
        images: Shape `(batch, height, width, channels)`.
        seed: Pair of integers, or the seed of a step.
        angle: Largest angle, in degrees.
        zoom: Largest relative change of width and height.
        shift: Largest shift, as a share of width and height.
        contrast: Largest relative change of brightness.
    """
    xp = arrays(seed)
    batch, height, width = xp.rows(images), images.shape[1], images.shape[2]
    draws = xp.uniform(seed, (6, batch), -1.0, 1.0)
    turn = draws[0] * (angle * math.pi / 180)
    zoom_x, zoom_y = 1 + zoom * draws[1], 1 + zoom * draws[2]
    cos, sin = xp.cos(turn), xp.sin(turn)
    moved = geometry.warp(
        colour.unit_range(images, xp),
        *(cos * zoom_x, -sin * zoom_y, sin * zoom_x, cos * zoom_y),
        right=shift * width * draws[3],
        down=shift * height * draws[4],
        xp=xp,
    )
    moved = moved * (1 + contrast * draws[5])[:, None, None, None]
    return xp.clip(moved, 0.0, 1.0)


def rand_augment(images, seed):
    """Returns images after a shift, a flip and two operations, each drawn by chance.

    See `policies.rand_augment`, which takes number and strength of the operations.

    Reference:
        [Cubuk et al., 2020](https://arxiv.org/abs/1909.13719).
    """
    move_seed, policy_seed = arrays(seed).split(seed, 2)
    return policies.rand_augment(shift_flip(images, move_seed), policy_seed)


def trivial_augment(images, seed):
    """Returns images after a shift, a flip and one operation of random strength.

    Reference:
        [Müller and Hutter, 2021](https://arxiv.org/abs/2103.10158).
    """
    move_seed, policy_seed = arrays(seed).split(seed, 2)
    return policies.trivial_augment(shift_flip(images, move_seed), policy_seed)


def auto_augment(images, seed):
    """Returns images after a shift, a flip, AutoAugment's CIFAR policy and a cutout.

    Reference:
        [Cubuk et al., 2019](https://arxiv.org/abs/1805.09501), and
        [DeVries and Taylor, 2017](https://arxiv.org/abs/1708.04552).
    """
    move_seed, policy_seed, hole_seed = arrays(seed).split(seed, 3)
    moved = shift_flip(images, move_seed)
    return geometry.cutout(policies.auto_augment(moved, policy_seed), hole_seed)


def normalized(augmentation, mean, std):
    """Returns an augmentation whose images are then normalised.

    Args:
        augmentation: A function of `(images, seed)`.
        mean: Mean of each channel, for images in [0, 1], see `ImageData.mean`.
        std: Standard deviation of each channel, see `ImageData.std`.
    """

    def normalized_augmentation(images, seed):
        return colour.normalize(augmentation(images, seed), mean, std, arrays(seed))

    return normalized_augmentation


def augmented_views(images, views, augmentation, seed):
    """Returns independently augmented views of each image.

    Args:
        images: Shape `(batch, height, width, channels)`, uint8 or float in [0, 1].
        views: Positive integer.
        augmentation: A function of `(images, seed)`.
        seed: Pair of integers, or the seed of a step.

    Returns:
        float32, shape `(batch, views, height, width, channels)`, or without the view
        axis if `views` is 1.
    """
    if views == 1:
        return augmentation(images, seed)
    xp = arrays(seed)
    shape = (-1, views, *images.shape[1:])
    return xp.reshape(augmentation(xp.repeat(images, views, axis=0), seed), shape)


AUGMENTATIONS = {
    "none": identity,
    "affine": affine,
    "auto_augment": auto_augment,
    "crop_flip": crop_flip,
    "rand_augment": rand_augment,
    "shift_flip": shift_flip,
    "simclr": simclr,
    "trivial_augment": trivial_augment,
}
