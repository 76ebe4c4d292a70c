"""Shows what is in a data set and in its long-tailed draw.

    keras-refcal data describe --dataset=digits --imbalance_factor=0.1
    keras-refcal data describe --dataset=cifar100 --data_dir=~/data

Prints images per class, groups of classes and the checksum of the chosen images, which
tells whether two runs trained on the same ones; writes a picture of augmented views.
"""

import os
import pathlib

from absl import flags

from keras_refcal.data import augment, checksum, describe, load, long_tail_indices
from keras_refcal.data.long_tail import PROFILES


def define_flags(flag_values):
    """Defines the flags of the command."""
    for name, default, text in (
        ("dataset", None, "Name or path of a data set, see `keras_refcal.data.load`."),
        ("data_dir", None, "Where data sets that are not bundled lie."),
        ("augmentation", None, "Name of an augmentation, if not the data set's own."),
        ("contact_sheet", "contact_sheet.png", "PNG file to write; empty for none."),
    ):
        flags.DEFINE_string(name, default, text, flag_values=flag_values)
    for name, default, text in (
        ("image_size", None, "Height and width to bring images to."),
        ("max_count", None, "Images of the largest class, where classes differ."),
        ("split_seed", 1234, "Seed of the long-tailed draw."),
    ):
        flags.DEFINE_integer(name, default, text, flag_values=flag_values)
    flags.DEFINE_float(
        "imbalance_factor",
        None,
        "Smallest class over largest, in (0, 1], or its inverse; none for all images.",
        flag_values=flag_values,
    )
    flags.DEFINE_enum(
        "profile",
        "exponential",
        PROFILES,
        "How class sizes fall.",
        flag_values=flag_values,
    )
    flags.DEFINE_boolean(
        "download",
        False,
        "Whether TensorFlow Datasets may fetch what is not there.",
        flag_values=flag_values,
    )
    flags.mark_flag_as_required("dataset", flag_values)


def run(flag_values, positional):
    """Prints what the flags ask for."""
    if positional != ["describe"]:
        raise ValueError(
            "data takes one word, `describe`, and flags. "
            f"Received: {' '.join(positional) or 'no word'}"
        )
    sheet = flag_values.contact_sheet and pathlib.Path(flag_values.contact_sheet)
    if sheet and not sheet.parent.is_dir():
        raise ValueError(
            "`contact_sheet` must lie in a folder that exists. Received: "
            f"{flag_values.contact_sheet}"
        )
    data_dir = flag_values.data_dir and os.path.expanduser(flag_values.data_dir)
    images = load(
        os.path.expanduser(flag_values.dataset),
        data_dir,
        flag_values.image_size,
        flag_values.download,
    )
    chosen_name = flag_values.augmentation or images.augmentation
    augmentation = augment.get(chosen_name)
    count, *shape = images.train_images.shape
    print(
        f"{images.name}: {count} training and {len(images.test_labels)} test images of "
        f"{'x'.join(map(str, shape))}, {images.num_classes} classes"
    )
    if flag_values.imbalance_factor is not None:
        images = _drawn(images, flag_values)
    print(f"\n{describe.class_table(images)}\n\n{describe.group_table(images)}")
    if len(images.train_labels):
        _print_moments(images)
    if sheet and len(images.train_labels):
        describe.write_png(sheet, describe.contact_sheet(images, augmentation))
        print(f"Contact sheet, an image and views by {chosen_name!r} a row: {sheet}")


def _drawn(images, flag_values):
    settings = (
        flag_values.imbalance_factor,
        flag_values.split_seed,
        flag_values.profile,
        flag_values.max_count,
    )
    chosen = long_tail_indices(images.train_labels, images.num_classes, *settings)
    print(
        f"Draw: {flag_values.profile}, factor {flag_values.imbalance_factor:g}, seed "
        f"{flag_values.split_seed}: {len(chosen)} training images\n"
        f"sha256 of their numbers: {checksum(chosen)}"
    )
    return images.long_tailed(*settings)


def _print_moments(images):
    mean, std = (
        ", ".join(f"{value:.4f}" for value in values)
        for values in (images.mean, images.std)
    )
    print(f"\nMean of each channel: {mean}; standard deviation: {std}")
