"""Image data sets as people keep them: folders of files and lists of files."""

import pathlib

import numpy as np

from keras_refcal.data.class_ids import check_classes, count_classes
from keras_refcal.data.image_data import ImageData
from keras_refcal.data.image_files import ImageFiles, decode, read_in_threads

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp")
TEST_FOLDERS = ("test", "val", "validation")
# Decoded images up to this many bytes are read at once, more are left on disk.
MEMORY_LIMIT = 4 * 1024**3


def image_folder(path, image_size=None, name=None):
    """Returns a data set from a folder of folders, one a class.

    Args:
        path: A folder with `train/<class>/…` and `test/<class>/…` (or `val`); classes
            are numbered in the order of their names.
        image_size: Height and width to bring the images to; required if they differ.
        name: Name of the data set, by default that of the folder.

    Raises:
        ValueError: If a folder is empty, a class is missing, a file is no image or the
            sizes differ, naming the path.
        OSError: If there is no such folder.
    """
    path = pathlib.Path(path)
    if not path.is_dir():
        raise FileNotFoundError(f"No such folder: {path}")
    test = next((part for part in TEST_FOLDERS if (path / part).is_dir()), None)
    if test is None or not (path / "train").is_dir():
        raise ValueError(
            f"{path} must hold the folders `train` and `test` (or `val`), with one "
            f"folder a class in each. Received: {_listing(path)}"
        )
    folders = sorted(entry for entry in (path / "train").iterdir() if entry.is_dir())
    class_names = tuple(folder.name for folder in folders)
    if len(class_names) < 2:
        raise ValueError(
            f"{path / 'train'} must hold a folder for each of two or more classes. "
            f"Received: {_listing(path / 'train')}"
        )
    strangers = {x.name for x in (path / test).iterdir() if x.is_dir()} - {*class_names}
    if strangers:
        raise ValueError(
            f"{path / test} holds classes that {path / 'train'} lacks: "
            + ", ".join(sorted(strangers)[:5])
        )
    parts = []
    for part in ("train", test):
        files, labels = _files_of_classes(path / part, class_names, part == "train")
        parts += [files, labels]
    return from_files(name or path.name, *parts, class_names, image_size)


def image_lists(
    path, train_list, test_list, class_names=None, image_size=None, name=None
):
    """Returns a data set from lists of files, as ImageNet-LT is published.

    Args:
        path: Folder that the lists' paths start from.
        train_list: File with a path and a class id a line, separated by a space.
        test_list: As `train_list`.
        class_names: One name a class, by default its id.
        image_size: Height and width to bring the images to; required if they differ.
        name: Name of the data set, by default that of the list.

    Raises:
        ValueError: If a line cannot be read, a class is missing, a file is no image or
            the sizes differ, naming the path.
        OSError: If there is no such file.
    """
    train_files, train_labels = _listed(path, train_list)
    test_files, test_labels = _listed(path, test_list)
    if class_names is None:
        count = count_classes(train_list, train_labels)
        class_names = tuple(map(str, range(count)))
    check_classes(train_list, train_labels, len(class_names))
    check_classes(test_list, test_labels, len(class_names), every=False)
    name = name or pathlib.Path(train_list).stem
    parts = (train_files, train_labels, test_files, test_labels)
    return from_files(name, *parts, tuple(class_names), image_size)


def tiny_imagenet(path, image_size=None):
    """Returns Tiny-ImageNet from the folder `tiny-imagenet-200`.

    Its validation part, whose labels stand in `val_annotations.txt`, is the test part.

    Args:
        path: That folder, or the one that holds it.
        image_size: Height and width to bring the images to, by default as they are.

    Raises:
        ValueError: If a file is damaged or a class is missing, naming the path.
        OSError: If a file is missing.
    """
    path = pathlib.Path(path)
    path = path / "tiny-imagenet-200" if (path / "tiny-imagenet-200").is_dir() else path
    ids = (path / "wnids.txt").read_text().split()
    words = dict(_tabbed(path / "words.txt"))
    train = _files_of_classes(path / "train", ids, every=True)
    annotations = _tabbed(path / "val" / "val_annotations.txt")
    unknown = {name for _, name, *_ in annotations} - set(ids)
    if unknown:
        raise ValueError(
            f"{path / 'val' / 'val_annotations.txt'} names classes that are not in "
            f"wnids.txt: {', '.join(sorted(unknown)[:5])}"
        )
    test_files = [str(path / "val" / "images" / file) for file, *_ in annotations]
    test_labels = np.array([ids.index(name) for _, name, *_ in annotations], "int64")
    names = tuple(words.get(name, name).split(",")[0] for name in ids)
    test = (np.array(test_files), test_labels)
    return from_files("tiny_imagenet", *train, *test, names, image_size)


def from_files(
    name, train_files, train_labels, test_files, test_labels, class_names, image_size
):
    """Returns a data set from paths and labels, in memory if it fits there."""
    if image_size is not None:
        image_size = tuple(np.broadcast_to(image_size, 2).tolist())
    first = str(train_files[0])
    shape = decode(_bytes(first), first, image_size).shape
    count = len(train_files) + len(test_files)
    read = _read_all if count * np.prod(shape) <= MEMORY_LIMIT else _left_on_disk
    train_images, test_images = (
        read(files, shape, image_size) for files in (train_files, test_files)
    )
    return ImageData(
        name, train_images, train_labels, test_images, test_labels, class_names
    )


def _read_all(files, shape, image_size):
    def read(path):
        image = decode(_bytes(path), path, image_size)
        if image.shape != shape:
            raise ValueError(
                f"Images must have one size, or `image_size` must be given. "
                f"{path} is {image.shape}, {files[0]} is {shape}"
            )
        return image

    return read_in_threads(read, files, shape)


def _left_on_disk(files, shape, image_size):
    if image_size is None:
        raise ValueError(
            f"`image_size` must be given for a data set that memory does not hold, "
            f"as the images may differ in size. Received: None for {files[0]} …"
        )
    return ImageFiles(files, shape)


def _bytes(path):
    return pathlib.Path(path).read_bytes()


def _files_of_classes(path, class_names, every):
    files, labels = [], []
    for label, name in enumerate(class_names):
        found = sorted(
            str(file)
            for file in (path / name).rglob("*")
            if file.suffix.lower() in SUFFIXES and file.is_file()
        )
        if not found and every:
            raise ValueError(f"No image ({', '.join(SUFFIXES)}) lies in {path / name}")
        files += found
        labels += [label] * len(found)
    if not files:
        raise ValueError(f"No image ({', '.join(SUFFIXES)}) lies in {path}")
    return np.array(files), np.array(labels, "int64")


def _tabbed(path):
    return [line.split("\t") for line in path.read_text().splitlines() if line.strip()]


def _listed(root, path):
    root, files, labels = pathlib.Path(root), [], []
    for number, line in enumerate(pathlib.Path(path).read_text().splitlines(), 1):
        if not line.strip():
            continue
        file, _, label = line.strip().rpartition(" ")
        if not file or not label.lstrip("-").isdigit():
            raise ValueError(
                f"{path}, line {number}: expected a path and a class id. "
                f"Received: {line!r}"
            )
        files.append(str(root / file))
        labels.append(int(label))
    if not files:
        raise ValueError(f"{path} lists no image.")
    return np.array(files), np.array(labels, "int64")


def _listing(path):
    names = sorted(entry.name for entry in path.iterdir())
    return ", ".join(names[:8]) + (", …" if len(names) > 8 else "") or "nothing"
