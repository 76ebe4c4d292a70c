"""Shows what is in a data set, and what of it the same flags of `train` use.

    keras-refcal data describe --dataset=digits --imbalance_factor=none
    keras-refcal data describe --dataset=cifar100 --data_dir=~/data

Prints images per class, groups of classes and the checksum of the chosen images, which
tells whether two runs trained on the same ones; writes a picture of augmented views.
"""

import pathlib

from absl import flags

from keras_refcal.commands.config_flags import define_number_or_word
from keras_refcal.data import augment, describe, load
from keras_refcal.data.draw import ALL, IMBALANCE, MAX_COUNT, SPLIT_SEED, draw
from keras_refcal.data.long_tail import PROFILES
from keras_refcal.terminal import say


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
        ("max_count", None, MAX_COUNT),
        ("split_seed", SPLIT_SEED, "Seed of what is drawn or cut off for test."),
    ):
        flags.DEFINE_integer(name, default, text, flag_values=flag_values)
    define_number_or_word("imbalance_factor", None, IMBALANCE, [ALL], flag_values)
    flags.DEFINE_enum(
        "profile",
        "exponential",
        PROFILES,
        "How class sizes fall where a long tail is cut.",
        flag_values=flag_values,
    )
    for name, text in (
        ("download", "Whether TensorFlow Datasets may fetch what is not there."),
        ("skip_damaged", "Whether to leave out image files that cannot be read."),
    ):
        flags.DEFINE_boolean(name, False, text, flag_values=flag_values)
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
    images = load(
        flag_values.dataset,
        flag_values.data_dir,
        flag_values.image_size,
        flag_values.download,
        flag_values.split_seed,
        flag_values.skip_damaged,
    )
    chosen_name = flag_values.augmentation or images.augmentation
    augmentation = augment.get(chosen_name)
    used = draw(
        images,
        flag_values.dataset,
        flag_values.imbalance_factor,
        flag_values.split_seed,
        flag_values.profile,
        flag_values.max_count,
    )
    if used.imbalance_factor is None and flag_values["profile"].present:
        raise ValueError(
            "`profile` says how class sizes fall where `imbalance_factor` cuts a long "
            f"tail; here none is cut. Received: {flag_values.profile}"
        )
    _print_size(images, used)
    if used.why:
        say(_rule(used, flag_values))
    images = used.of(images)
    say(f"\n{describe.class_table(images)}\n\n{describe.group_table(images)}")
    if len(images.train_labels):
        _print_moments(images)
    if sheet and len(images.train_labels):
        describe.write_png(sheet, describe.contact_sheet(images, augmentation))
        say(f"Contact sheet, an image and views by {chosen_name!r} a row: {sheet}")


def _print_size(images, used):
    count, *shape = images.train_images.shape
    left_out = f"; {used}" if len(used.chosen) < count else ""
    left_out += "".join(f"; {note}" for note in images.notes)
    say(
        f"{images.name}: {count} training and {len(images.test_labels)} test images of "
        f"{'x'.join(map(str, shape))}, {images.num_classes} classes{left_out}"
    )


def _rule(used, flag_values):
    shape = ""
    if used.imbalance_factor is not None:
        shape = f"{flag_values.profile}, factor {used.imbalance_factor:g}, "
    return (
        f"Draw: {shape}seed {flag_values.split_seed}: {len(used.chosen)} training "
        f"images\nsha256 of their numbers: {used.sha256}"
    )


def _print_moments(images):
    mean, std = (
        ", ".join(f"{value:.4f}" for value in values)
        for values in (images.mean, images.std)
    )
    say(f"\nMean of each channel: {mean}; standard deviation: {std}")
