"""Names the classes of new inputs by a saved model.

    keras-refcal predict --model=runs/photos/model.keras --inputs=new/photos
    keras-refcal predict --model=model.keras --inputs=table.csv --output=answers.csv

Inputs are an image, a folder of images at any depth, an npz file with the array `x`, or
a csv file: a column `path` names images, any other columns are numbers, a row an input.
Writes a csv file with `input`, `label`, `confidence` and, where the model has conformal
sets, `prediction_set`, its names separated by semicolons.
"""

import csv
import pathlib

import numpy as np
from absl import flags

from keras_refcal.data.folders import SUFFIXES
from keras_refcal.data.image_table import COLUMNS
from keras_refcal.files import check_output, replacing
from keras_refcal.npz import array_names, read_arrays
from keras_refcal.serving import AT_ONCE, Classifier
from keras_refcal.terminal import say

HEADER = ("input", "label", "confidence")
SET = "prediction_set"


def define_flags(flag_values):
    """Defines the flags of the command."""
    for name, default, text in (
        ("model", None, "A .keras file that train, calibrate or serving wrote."),
        ("inputs", None, "An image, a folder of images, a .csv or an .npz file."),
        ("output", "predictions.csv", "The csv file to write."),
    ):
        flags.DEFINE_string(name, default, text, flag_values=flag_values)
    flags.DEFINE_boolean(
        "skip_damaged",
        False,
        "Whether to leave out images that cannot be read.",
        flag_values=flag_values,
    )
    for name in ("model", "inputs"):
        flags.mark_flag_as_required(name, flag_values)


def run(flag_values, positional):
    """Writes an answer for each input."""
    if positional:
        raise ValueError(f"predict takes flags only. Received: {' '.join(positional)}")
    output = _output(flag_values.output, flag_values.model, flag_values.inputs)
    names, inputs = _read(pathlib.Path(flag_values.inputs))
    classifier = Classifier.load(flag_values.model)
    if flag_values.skip_damaged and isinstance(inputs, np.ndarray):
        raise ValueError("`skip_damaged` has no effect on numbers: leave it out.")
    found, damaged = [], []
    for start in range(0, len(names), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        here, values = names[part], inputs[part]
        if flag_values.skip_damaged:
            here, values = _readable(classifier, here, damaged)
        if here:
            found += zip(here, classifier.answers(values), strict=True)
    if damaged:
        say(
            f"uses {len(found)} of {len(names)} images, because {len(damaged)} cannot "
            f"be read: {', '.join(damaged[:3])}{', …' if len(damaged) > 3 else ''}"
        )
    _write(output, found)
    say(f"{output}: {len(found)} inputs, {len(classifier.class_names)} classes")


def _readable(classifier, names, damaged):
    kept, images = [], []
    for name in names:
        try:
            images.append(classifier.decoded(name))
            kept.append(name)
        except ValueError:
            damaged.append(name)
    return kept, np.array(images)


def _output(path, model, inputs):
    output = pathlib.Path(path)
    if output.suffix.lower() != ".csv":
        raise ValueError(f"`--output` must end in .csv. Received: {path!r}")
    if not output.parent.is_dir():
        raise FileNotFoundError(f"No directory to write to: {output.parent}")
    check_output(output, [model, inputs])
    if output.exists() and not _is_ours(output):
        raise FileExistsError(f"{output} is there: say what to write by --output.")
    return output


def _is_ours(path):
    with path.open("rb") as file:
        return file.read(64).startswith(",".join(HEADER).encode())


def _read(path):
    """Returns names of inputs, and paths of images or an array of numbers."""
    if path.is_dir():
        files = sorted(
            str(file)
            for file in path.rglob("*")
            if file.suffix.lower() in SUFFIXES and file.is_file()
        )
        if not files:
            raise ValueError(f"No image ({', '.join(SUFFIXES)}) lies in {path}")
        return files, files
    if not path.is_file():
        raise FileNotFoundError(f"No such file or folder: {path}")
    if path.suffix.lower() == ".npz":
        if "x" not in (there := array_names(path)):
            raise ValueError(f"{path} must hold an array `x`. It holds: {there[:12]}")
        values = read_arrays(path, ["x"])["x"]
        if values.ndim < 2:
            raise ValueError(
                f"{path}: `x` must hold an input a row. Received shape: {values.shape}"
            )
        values = values[..., None] if values.ndim == 3 else values
        return [str(row) for row in range(len(values))], values
    if path.suffix.lower() == ".csv":
        return _table(path)
    return [str(path)], [str(path)]


def _table(path):
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            header, *rows = csv.reader(file)
    except (UnicodeDecodeError, csv.Error, ValueError) as error:
        raise ValueError(f"{path}: not a csv file with a header ({error}).") from error
    header = [name.strip().lower() for name in header]
    rows = [row for row in rows if any(cell.strip() for cell in row)]
    for number, row in enumerate(rows, 2):
        if len(row) != len(header):
            raise ValueError(
                f"{path}, line {number}: expected {len(header)} cells. "
                f"Received: {len(row)}"
            )
    if not rows:
        raise ValueError(f"{path} holds no row.")
    place = next((header.index(n) for n in COLUMNS["path"] if n in header), None)
    if place is not None:
        files = [str(path.parent / row[place].strip()) for row in rows]
        return files, files
    try:
        return [str(row) for row in range(len(rows))], np.array(rows, "float64")
    except ValueError as error:
        raise ValueError(
            f"{path} must have a column `path`, or numbers alone ({error})."
        ) from error


def _write(output, found):
    has_sets = any(answer.prediction_set is not None for _, answer in found)
    with (
        replacing(output) as temporary,
        open(
            temporary, "w", newline="", encoding="utf-8", errors="surrogateescape"
        ) as file,
    ):
        writer = csv.writer(file)
        writer.writerow((*HEADER, SET) if has_sets else HEADER)
        for name, answer in found:
            row = [name, answer.label, f"{answer.confidence:.6g}"]
            writer.writerow(
                [*row, ";".join(answer.prediction_set)] if has_sets else row
            )
