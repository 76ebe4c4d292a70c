"""Data sets from a table of images, one a row, with the class of each."""

import csv
import os
import pathlib
from typing import Any

import numpy as np

from keras_refcal.data.file_parts import from_files
from keras_refcal.data.long_tail import SPLIT_SEED

# What the columns may be called, in lower case.
COLUMNS = {
    "path": ("path", "file", "filename", "image"),
    "label": ("label", "class", "target"),
    "split": ("split", "part"),
}
PARTS = {"train": "train", "test": "test", "validation": "validation"}
PARTS |= {"training": "train", "val": "validation", "valid": "validation"}


def image_table(
    path: str | os.PathLike,
    image_size: Any = None,
    name: str | None = None,
    split_seed: Any = SPLIT_SEED,
    skip_damaged: bool = False,
) -> Any:
    """Returns a data set from a csv file of paths and labels.

    Args:
        path: A file with a header and the columns `path` (or `file`, `filename`,
            `image`), `label` (or `class`, `target`) and, if there is one, `split` with
            `train`, `test` or `validation` in each row; without it a fifth of each
            class is cut off for test. Paths start from the file's folder. Labels are
            names of classes or numbers; classes are numbered in their order.
        image_size: Height and width to bring the images to; required if they differ.
        name: Name of the data set, by default that of the file.
        split_seed: Seed of what is cut off.
        skip_damaged: Whether to leave out files that cannot be read, not to raise.

    Raises:
        ValueError: If a column or a class is missing, a file is no image or the sizes
            differ, naming the line or the path.
        OSError: If there is no such file.
    """
    path = pathlib.Path(path)
    files, labels, splits = _read(path)
    class_names = sorted({*labels}, key=_order)
    if len(class_names) < 2:
        raise ValueError(
            f"{path} must hold two or more classes. Received: {class_names}"
        )
    ids = {label: number for number, label in enumerate(class_names)}
    labels = np.array([ids[label] for label in labels], "int64")
    parts = {}
    for part in dict.fromkeys(PARTS.values()):
        members = splits == part
        if members.any():
            parts[part] = files[members], labels[members]
    if "train" not in parts:
        raise ValueError(f"{path} must hold rows whose split is `train`.")
    name = name or path.stem
    return from_files(name, parts, class_names, image_size, skip_damaged, split_seed)


def _read(path):
    """Returns paths, labels as text, and parts, shape `(n,)` each."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.reader(file))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path}: not a csv file in UTF-8 ({error}).") from error
    header = [name.strip().lower() for name in rows[0]] if rows else []
    places = {
        wanted: next((header.index(n) for n in names if n in header), None)
        for wanted, names in COLUMNS.items()
    }
    if places["path"] is None or places["label"] is None:
        raise ValueError(
            f"{path} must have the columns `path` and `label` in its first line. "
            f"Received: {', '.join(header[:12]) or 'nothing'}"
        )
    found = []
    for number, row in enumerate(rows[1:], 2):
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(header):
            raise ValueError(
                f"{path}, line {number}: expected {len(header)} cells. "
                f"Received: {len(row)}"
            )
        split = "train" if places["split"] is None else row[places["split"]].strip()
        if split.lower() not in PARTS:
            raise ValueError(
                f"{path}, line {number}: the split must be train, test or validation. "
                f"Received: {split!r}"
            )
        file, label = (row[places[name]].strip() for name in ("path", "label"))
        if not file or not label:
            raise ValueError(f"{path}, line {number}: a path and a label are needed.")
        found.append((str(path.parent / file), label, PARTS[split.lower()]))
    if not found:
        raise ValueError(f"{path} lists no image.")
    files, labels, splits = zip(*found, strict=True)
    return np.array(files), labels, np.array(splits)


def _order(label):
    """Numbers in their order, then names in theirs."""
    is_number = label.isdecimal()
    return not is_number, int(label) if is_number else 0, label
