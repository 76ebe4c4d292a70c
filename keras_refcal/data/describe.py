"""What is in a data set: a table of its classes and a sheet of its images."""

import numpy as np

from keras_refcal.backend.data_library import tensorflow
from keras_refcal.data import augment
from keras_refcal.files import replacing
from keras_refcal.ops.class_groups import shot_groups

GAP = 2
GROUPS = {"many": "more than 100", "medium": "20 to 100", "few": "fewer than 20"}


def class_table(images) -> str:
    """Returns one line a class: its name, training and test images and group.

    Args:
        images: An `ImageData`.

    >>> from keras_refcal import data
    >>> print(class_table(data.load("digits").long_tailed(0.1)).splitlines()[-1])
        9 9                             12      60 few
    """
    train, test = _counts(images)
    groups = _group_of_class(train)
    lines = [f"{'class':>5} {'name':<24} {'train':>7} {'test':>7} group"]
    for label, name in enumerate(images.class_names):
        lines.append(
            f"{label:>5} {name[:24]:<24} {train[label]:>7} {test[label]:>7} "
            f"{groups[label]}"
        )
    return "\n".join(lines)


def group_table(images) -> str:
    """Returns one line a group of classes: its classes and training images.

    Args:
        images: An `ImageData`.
    """
    train, _ = _counts(images)
    lines = []
    for name, members in shot_groups(train).items():
        lines.append(
            f"{name + '-shot':<12} {members.sum():>4} classes "
            f"({GROUPS[name]} training images), {train[members].sum():>7} images"
        )
    return "\n".join(lines)


def contact_sheet(images, augmentation, classes=20, views=8, seed=0) -> np.ndarray:
    """Returns a picture of training images and augmented views, a class a row.

    The first column shows an image as it is, the others views of it.

    Args:
        images: An `ImageData`.
        augmentation: A function of `(images, seed)`, see `augment`.
        classes: Rows at most, spread evenly over the classes.
        views: Views of each image.
        seed: Seed of the views.

    Returns:
        uint8, shape `(height, width, 3)`.
    """
    labels = images.train_labels
    present = np.unique(labels)
    chosen = present[:: -(-len(present) // classes)]
    first = np.array([np.flatnonzero(labels == label)[0] for label in chosen])
    originals = np.asarray(images.train_images[first])
    seen = augment.augmented_views(originals, views, augmentation, (seed, 0)).numpy()
    seen = seen.reshape(len(originals), views, *originals.shape[1:])
    tiles = np.concatenate([originals[:, None] / 255.0, seen], axis=1)
    margin = ((0, 0), (0, 0), (0, GAP), (0, GAP), (0, 0))
    tiles = np.pad(np.clip(tiles, 0, 1), margin, constant_values=1.0)
    rows, columns, height, width, channels = tiles.shape
    sheet = tiles.swapaxes(1, 2).reshape(rows * height, columns * width, channels)
    sheet = np.round(sheet[:-GAP, :-GAP] * 255).astype("uint8")
    return np.broadcast_to(sheet, (*sheet.shape[:2], 3)).copy()


def write_png(path, picture):
    """Writes a picture, uint8 of shape `(height, width, 3)`, whole or not at all."""
    encoded = tensorflow().io.encode_png(picture).numpy()
    with replacing(path) as temporary:
        temporary.write_bytes(encoded)


def _counts(images):
    return tuple(
        np.bincount(labels, minlength=images.num_classes)
        for labels in (images.train_labels, images.test_labels)
    )


def _group_of_class(counts):
    groups = np.empty(len(counts), object)
    for name, members in shot_groups(counts).items():
        groups[members] = name
    return groups
