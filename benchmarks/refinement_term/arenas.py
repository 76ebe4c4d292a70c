"""The arenas: small long-tailed sets of real images, drawn anew for every seed.

Of the training images of a data set a seed draws its long tail, as published but
smaller, and takes validation images from those that the tail leaves over, as many of
every class; where too few are left over (20 of the largest class of the digits), they
come again, which weighs them. They are more labelled images than a user with such a
tail has: honest for choosing, and for one temperature, since the test images stay
untouched.
"""

import dataclasses
import functools

import numpy as np
import torch

from benchmarks import sheets
from keras_refcal import data


@dataclasses.dataclass(frozen=True)
class Arena:
    """A long tail, a network and a budget.

    Attributes:
        dataset: `"digits"`, `"cifar10"`, `"cifar100"`, or `"cifar100_long_tail"`: of it
            the 19,573 images of the long tail at factor 0.1 alone.
        factor: Images of the smallest class over those of the largest.
        max_count: Training images of the largest class.
        held_out: Validation images of every class.
        image_size: Height and width; larger images are averaged.
        widths: Channels of each convolution.
        strides: Stride of each convolution.
        passes: Times that a training of length 1 sees the training images.
        rows: Views that pass through the network in a step, whatever they are for.
        bfloat16: Whether convolutions compute in bfloat16.
    """

    dataset: str
    factor: float
    max_count: int
    held_out: int
    image_size: int
    widths: tuple[int, ...]
    strides: tuple[int, ...]
    passes: int
    rows: int
    learning_rate: float = 0.1
    decay: float = 5e-4
    bfloat16: bool = False

    @property
    def counts(self):
        """Training images of each class."""
        classes = 100 if self.dataset.startswith("cifar100") else 10
        return data.class_counts(self.max_count, classes, self.factor)

    def steps(self, length, views_a_step):
        """Returns the steps that a budget of images allows."""
        return round(length * self.passes * self.counts.sum() / views_a_step)


_DIGITS = Arena("digits", 0.02, 100, 100, 8, (24, 32, 48), (1, 2, 2), 300, 64)
_CIFAR = Arena(
    "cifar10",
    0.02,
    500,
    300,
    16,
    (32, 32, 64, 64, 96),
    (2, 1, 2, 1, 1),
    100,
    128,
    bfloat16=True,
)
_LARGER = Arena(
    "cifar100_long_tail",
    0.1,
    300,
    50,
    32,
    (32, 64, 64, 128, 128, 256, 256),
    (1, 2, 1, 2, 1, 2, 1),
    60,
    512,
    learning_rate=0.2,
    bfloat16=True,
)
ARENAS = {
    "digits_0.02": _DIGITS,
    "digits_0.01": dataclasses.replace(_DIGITS, factor=0.01),
    "cifar10_0.02": _CIFAR,
    "cifar10_0.01": dataclasses.replace(_CIFAR, factor=0.01, max_count=1000),
    "cifar100_0.1": dataclasses.replace(
        _CIFAR, dataset="cifar100", factor=0.1, max_count=150, held_out=50, passes=60
    ),
    "cifar100_32_0.1": _LARGER,
    "cifar100_32_0.01": dataclasses.replace(
        _LARGER, factor=0.01, max_count=450, passes=70
    ),
    "tiny": dataclasses.replace(_DIGITS, passes=4, widths=(8, 8, 8)),
}


@dataclasses.dataclass(frozen=True)
class Images:
    """Standardised images `(n, channels, size, size)` and class ids of each part."""

    train: tuple
    validation: tuple
    test: tuple


def load(arena, seed):
    """Returns the `Images` of a seed."""
    (pool, pool_labels), test = _source(arena.dataset)
    generator = np.random.default_rng(1234 + seed)
    train, validation = [], []
    for label, count in enumerate(arena.counts):
        members = generator.permutation(np.flatnonzero(pool_labels == label))
        train.append(members[:count])
        left_over = members[count:]
        validation.append(np.resize(left_over, arena.held_out))
    train, validation = np.concatenate(train), np.concatenate(validation)
    parts = [(pool[train], pool_labels[train])]
    parts += [(pool[validation], pool_labels[validation]), test]
    pixels = [_shrunk(images, arena.image_size) for images, _ in parts]
    mean = pixels[0].mean((0, 2, 3), keepdims=True)
    scale = pixels[0].std((0, 2, 3), keepdims=True)
    return Images(
        *(
            (_tensor((x - mean) / scale), _tensor(labels))
            for x, (_, labels) in zip(pixels, parts, strict=True)
        )
    )


def _tensor(array):
    return torch.from_numpy(array).to(torch.get_default_device())


@functools.lru_cache(maxsize=1)
def _source(dataset):
    """Returns images and labels of the training pool, and those of the test."""
    if dataset == "digits":
        digits = data.load("digits")
        train = digits.train_images, digits.train_labels
        return train, (digits.test_images, digits.test_labels)
    training = "train_long_tail" if dataset == "cifar10" else "train"
    folder = dataset.removesuffix("_long_tail")
    parts = [sheets.load(folder, split) for split in (training, "test")]
    if None in parts:
        raise OSError("needs shared/data beside the checkout, or KERAS_REFCAL_SHARED")
    images, labels = parts[0]
    if folder != dataset and len(labels) > data.class_counts(500, 100, 0.1).sum():
        kept = np.sort(data.long_tail_indices(labels, 100, 0.1))
        parts[0] = images[kept], labels[kept]
    return parts


def _shrunk(images, size):
    """Returns float images `(n, channels, size, size)` in [0, 1]."""
    count, height, _, channels = images.shape
    factor = height // size
    blocks = images.reshape(count, size, factor, size, factor, channels)
    return blocks.mean((2, 4)).transpose(0, 3, 1, 2).astype("float32") / 255
