"""Image data sets as people keep them: folders of files and lists of files."""

import os
import pathlib
from typing import Any

import numpy as np

from keras_refcal.data.class_ids import check_classes, count_classes
from keras_refcal.data.file_parts import from_files
from keras_refcal.data.long_tail import SPLIT_SEED

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp")
TEST_FOLDERS = ("test", "val", "validation")


def image_folder(
    path: str | os.PathLike,
    image_size: Any = None,
    name: str | None = None,
    split_seed: Any = SPLIT_SEED,
    skip_damaged: bool = False,
) -> Any:
    """Returns a data set from a folder of folders, one a class.

    Args:
        path: A folder with `train/<class>/…` and `test/<class>/…`, and if there is one
            `validation/<class>/…` (or `val`, which is the test part without `test`); or
            with the folders of the classes alone, of which a fifth of the images of
            each is cut off for test. Classes are numbered in the order of their names.
        image_size: Height and width to bring the images to; required if they differ.
        name: Name of the data set, by default that of the folder.
        split_seed: Seed of what is cut off.
        skip_damaged: Whether to leave out files that cannot be read, not to raise.

    Raises:
        ValueError: If a folder is empty, a class is missing, a file is no image or the
            sizes differ, naming the path.
        OSError: If there is no such folder.
    """
    path = pathlib.Path(path)
    if not path.is_dir():
        raise FileNotFoundError(f"No such folder: {path}")
    folders = _folders_of_parts(path)
    class_names = _folder_names(folders["train"])
    if len(class_names) < 2:
        raise ValueError(
            f"{folders['train']} must hold a folder for each of two or more classes, "
            f"or `train` and `test` with such folders. Received: {_listing(path)}"
        )
    parts = {}
    for part, folder in folders.items():
        if strangers := {*_folder_names(folder)} - {*class_names}:
            raise ValueError(
                f"{folder} holds classes that {folders['train']} lacks: "
                + ", ".join(sorted(strangers)[:5])
            )
        parts[part] = _files_of_classes(folder, class_names, part == "train")
    return from_files(
        name or path.resolve().name,
        parts,
        class_names,
        image_size,
        skip_damaged,
        split_seed,
    )


def _folders_of_parts(path):
    if not (path / "train").is_dir():
        if any((path / part).is_dir() for part in TEST_FOLDERS):
            raise ValueError(
                f"{path} must hold `train` beside its other parts, or the folders of "
                f"classes alone. Received: {_listing(path)}"
            )
        return {"train": path}
    others = [path / part for part in TEST_FOLDERS if (path / part).is_dir()]
    # Where there is one other part, whatever its name, it is the test part.
    names = ("train", "test", "validation")
    return dict(zip(names, [path / "train", *others], strict=False))


def _folder_names(path):
    return sorted(
        entry.name
        for entry in path.iterdir()
        if entry.is_dir() and not entry.name.startswith(".")
    )


def image_lists(
    path: str | os.PathLike,
    train_list: Any,
    test_list: Any,
    class_names: Any = None,
    image_size: Any = None,
    name: str | None = None,
) -> Any:
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
    parts = {"train": (train_files, train_labels), "test": (test_files, test_labels)}
    return from_files(name, parts, class_names, image_size)


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
    parts = {"train": train, "test": (np.array(test_files), test_labels)}
    return from_files("tiny_imagenet", parts, names, image_size)


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
