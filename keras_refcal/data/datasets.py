"""Image data sets by name or path."""

import os
import pathlib
from typing import Any

import numpy as np

from keras_refcal.data import cifar_files, folders, npz, tfds_sets
from keras_refcal.data.image_data import ImageData
from keras_refcal.data.image_table import image_table
from keras_refcal.data.long_tail import SPLIT_SEED

NAMES = ("digits", "imagenet_lt", "tiny_imagenet", *tfds_sets.NAMES)


def load(
    name: str,
    data_dir: str | None = None,
    image_size: Any = None,
    download: bool = False,
    split_seed: Any = SPLIT_SEED,
    skip_damaged: bool = False,
) -> ImageData:
    """Returns a data set by name or path.

    Args:
        name: One of these:

            - `"digits"`: 1,797 grey 8x8 images of handwritten digits that scikit-learn
              ships; 120 of each class for training, the rest for test.
            - `"cifar10"` or `"cifar100"`: the authors' folder (`cifar-100-python`) in
              `data_dir`, or else TensorFlow Datasets. Only the folder is in the order
              that the published long-tailed draw counts in.
            - `"svhn_cropped"`, `"stl10"`, `"cats_vs_dogs"` (64 pixels),
              `"cifar10_corrupted/fog_3"`, `"imagenet2012"` (224 pixels): through
              TensorFlow Datasets; `"tfds:<name>"` is any other one there.
            - `"tiny_imagenet"`: the folder `tiny-imagenet-200` in `data_dir`.
            - `"imagenet_lt"`: `ImageNet_LT_train.txt` and `ImageNet_LT_test.txt` in
              `data_dir`, with the images that they list (224 pixels).
            - The path of an `.npz` file with `x_train`, `y_train`, `x_test`, `y_test`.
            - The path of a folder with `train/<class>/` and `test/<class>/`, or with
              the folders of the classes alone, see `image_folder`.
            - The path of a `.csv` file of paths and labels, see `image_table`.
        data_dir: Where data sets that are not bundled lie.
        image_size: Height and width, from 1 to 10,000, to bring images to, as files
            and TensorFlow Datasets hold them: they are cut at their middle and scaled.
        download: Whether TensorFlow Datasets may fetch what is not there.
        split_seed: Seed by which a test part is cut off where there is none.
        skip_damaged: Whether to leave out image files that cannot be read, and to say
            so in the `notes` of the data set, instead of an error.

    Raises:
        ValueError: If there is no data set of that name, a file does not fit, or an
            argument has no effect on that data set.
        OSError: If it is not there; the message says what to do.
        ImportError: If a library that holds the data set is missing.

    >>> data = load("digits")
    >>> data.train_images.shape, data.test_images.shape
    ((1200, 8, 8, 1), (597, 8, 8, 1))
    """
    name, data_dir = os.path.expanduser(name), data_dir and os.path.expanduser(data_dir)
    if image_size is not None:
        _check_sides(image_size)
    base = name.split("/")[0]
    by_tfds = base in tfds_sets.NAMES or name.startswith("tfds:")
    of_archive = name in ("tiny_imagenet", "imagenet_lt")
    _check_effect(name, "download", download, download and not by_tfds)
    whole = name == "digits" or name.endswith(".npz")
    _check_effect(name, "image_size", image_size, image_size is not None and whole)
    given = data_dir is not None and not by_tfds and not of_archive
    _check_effect(name, "data_dir", data_dir, given)
    of_files = os.path.isdir(name) or name.endswith(".csv")
    _check_effect(name, "skip_damaged", skip_damaged, skip_damaged and not of_files)
    if name == "digits":
        return _digits()
    if of_archive:
        return _from_lists(name, data_dir, image_size)
    if base in cifar_files.FOLDERS and data_dir is not None:
        if folder := cifar_files.folder_of(name, data_dir):
            return _cifar(name, folder, image_size)
    if by_tfds:
        tfds_name = name.removeprefix("tfds:")
        return tfds_sets.read(tfds_name, data_dir, image_size, download)
    return _from_path(name, image_size, split_seed, skip_damaged)


def _check_effect(name, argument, value, is_idle):
    """Raises `ValueError` for an argument that changes nothing of a data set."""
    if is_idle:
        raise ValueError(
            f"`{argument}` has no effect on {name}: leave it out. Received: {value!r}"
        )


def _check_sides(image_size):
    sides = np.atleast_1d(image_size)
    if sides.shape not in ((1,), (2,)) or not all(
        1 <= side <= 10_000 for side in sides
    ):
        raise ValueError(
            "`image_size` must be a side, or height and width, from 1 to 10000 pixels. "
            f"Received: {image_size!r}"
        )


def _from_path(name, image_size, split_seed, skip_damaged):
    path = pathlib.Path(name)
    if path.is_dir():
        for known in cifar_files.FOLDERS:
            if folder := cifar_files.folder_of(known, path):
                return _cifar(known, folder, image_size)
        return folders.image_folder(
            path, image_size, split_seed=split_seed, skip_damaged=skip_damaged
        )
    if path.suffix.lower() == ".csv":
        return image_table(
            path, image_size, split_seed=split_seed, skip_damaged=skip_damaged
        )
    if path.suffix == ".npz":
        return npz.read(path)
    raise ValueError(
        f"`dataset` must be one of {sorted(NAMES)}, 'tfds:' and a name that TensorFlow "
        "Datasets knows, or the path of a folder of images or of an .npz or .csv file. "
        f"Received: {name!r}"
    )


def _cifar(name, folder, image_size):
    _check_effect(folder, "image_size", image_size, image_size is not None)
    return ImageData(name, *cifar_files.read(name, folder))


def _from_lists(name, data_dir, image_size):
    if data_dir is None:
        raise ValueError(
            f"`data_dir` must say where {name!r} lies: it is not to be fetched by "
            "program. Received: None"
        )
    if name == "tiny_imagenet":
        return folders.tiny_imagenet(data_dir, image_size)
    lists = [f"{data_dir}/ImageNet_LT_{part}.txt" for part in ("train", "test")]
    size = image_size or 224
    return folders.image_lists(data_dir, *lists, image_size=size, name=name)


def _digits():
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ImportError(
            "The data set 'digits' comes with scikit-learn: "
            "pip install 'keras-refcal[report]'."
        ) from error
    bunch = load_digits()
    images = np.round(bunch.images * (255 / 16)).astype("uint8")[..., None]
    labels = bunch.target.astype("int64")
    # The writers of the first rows differ from those of the last.
    rank_in_class = np.zeros(len(labels), "int64")
    for label in range(10):
        members = np.flatnonzero(labels == label)
        rank_in_class[members] = np.arange(len(members))
    train = rank_in_class < 120
    return ImageData(
        name="digits",
        train_images=images[train],
        train_labels=labels[train],
        test_images=images[~train],
        test_labels=labels[~train],
        class_names=tuple(str(digit) for digit in range(10)),
        augmentation="affine",
        classifier_augmentation="affine",
        mild_augmentation="affine",
    )
