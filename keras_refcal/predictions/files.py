"""Reads predictions that any framework saved: npz, csv or parquet."""

import dataclasses
import functools
import os
import pathlib
import reprlib
from typing import Any

import numpy as np

from keras_refcal.npz import array_names, most_numbers, read_arrays
from keras_refcal.predictions import Predictions, as_class_counts, as_predictions
from keras_refcal.predictions.tables import read_csv, read_parquet
from keras_refcal.types import Tensor

# Beyond, shapes are taken for a mistake: rows for columns, or a file made to harm.
MOST_CLASSES = 2**18
# Figures keep some twenty numbers a row, whatever the number of classes.
NUMBERS_A_ROW = 8


@dataclasses.dataclass(frozen=True)
class SavedPredictions:
    """Checked predictions and what was saved beside them.

    Attributes:
        predictions: Labels and probabilities of `n` samples over `K` classes.
        class_counts: Training samples of each class, shape `(K,)`, or `None`.
        class_names: `K` names, or `None`.
        images: The samples as pictures, shape `(n, height, width)` or
            `(n, height, width, channels)`, or `None`.
        sample_number: Which sample of the data set each row is, int64 of shape `(n,)`,
            or `None`.
    """

    predictions: Predictions
    class_counts: np.ndarray | None = None
    class_names: tuple[str, ...] | None = None
    images: np.ndarray | None = None
    sample_number: np.ndarray | None = None

    def is_of_samples_of(self, other: Any) -> bool:
        """Whether two predictions are of the same samples in the same order.

        Args:
            other: A `SavedPredictions`; sample numbers count where both have them.
        """
        ours, theirs = self.sample_number, other.sample_number
        if ours is not None and theirs is not None and not np.array_equal(ours, theirs):
            return False
        return np.array_equal(self.predictions.labels, other.predictions.labels)

    def name_of(self, class_id: int) -> str:
        """Returns the name of a class; its number where names are not known."""
        return str(class_id if self.class_names is None else self.class_names[class_id])


def read_predictions(
    path: str | os.PathLike,
    *,
    y_true: Tensor | None = None,
    probabilities: Tensor | None = None,
    logits: Tensor | None = None,
    class_counts: Tensor | None = None,
    images: bool = True,
) -> SavedPredictions:
    """Reads labels and predictions from a file and checks them.

    - `.npz`: arrays `y_true` and `probabilities` or `logits` (probabilities win where
      both are there); if present also `class_counts`, `class_names`, `images` and
      `sample_number`, which tells if other predictions are of the same samples.
    - `.csv`, `.parquet`: a column `y_true` and one column a class, `probability_0`,
      `probability_1`, … or `logit_0`, …; what follows the underscore may also be the
      names of the classes, and labels are then names or numbers of columns. A single
      column `probability` or `logit` speaks of class 1 of two. In parquet the columns
      may also be one column of lists, `probabilities` or `logits`. Other columns are
      left alone.

    Args:
        path: The file; its suffix tells the format.
        y_true: Name of the array or column of labels, if not `y_true`.
        probabilities: Name of the array (npz), or start of the columns' names.
        logits: The same for logits.
        class_counts: Training samples of each class, in place of those in the file.
        images: Whether to read the images too, which may take much memory.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it is of another format, or lacks an array or column, and for
            all that `evaluate` rejects.
        ImportError: For a parquet file without pyarrow.
    """
    path = pathlib.Path(path)
    read_npz = functools.partial(_read_npz, images=images)
    readers = {".npz": read_npz, ".csv": read_csv, ".parquet": read_parquet}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise ValueError(
            f"Predictions must be a file of {', '.join(readers)}. Received: {path}"
        )
    if probabilities and logits:
        raise ValueError("Name `probabilities` or `logits`, not both.")
    if not path.is_file():
        raise FileNotFoundError(f"No file of predictions: {path}")
    found = reader(path, y_true or "y_true", probabilities, logits)
    if class_counts is not None:
        found["class_counts"] = class_counts
    try:
        _check_size(most_numbers(path), **found)
        return _checked(**found)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _check_size(most, y_true, probabilities=None, logits=None, **others):
    """Refuses shapes for which no machine has the memory, before any work."""
    shape = np.shape(logits if probabilities is None else probabilities)
    if len(shape) == 2 and shape[1] > MOST_CLASSES:
        raise ValueError(
            f"predictions must have shape (n, num_classes), up to {MOST_CLASSES:,} "
            f"classes. Received shape: {shape}"
        )
    samples = max([*shape[:1], *np.shape(y_true)[:1]], default=0)
    if NUMBERS_A_ROW * samples > most:
        raise ValueError(
            f"so small a file may hold {most // NUMBERS_A_ROW:,} samples. Received: "
            f"{samples:,}. If they are meant, save them uncompressed: np.savez."
        )


def _checked(
    y_true,
    probabilities=None,
    logits=None,
    class_counts=None,
    class_names=None,
    images=None,
    sample_number=None,
):
    if class_names is not None:
        class_names = tuple(map(_text, np.ravel(class_names).tolist()))
    y_true = _as_numbers(np.asarray(y_true), class_names)
    predictions = as_predictions(y_true, probabilities, logits)
    samples, classes = predictions.probabilities.shape
    for name, values, length in (
        ("class_names", class_names, classes),
        ("images", images, samples),
    ):
        if values is not None and (np.ndim(values) == 0 or len(values) != length):
            raise ValueError(
                f"`{name}` must hold {length} entries. "
                f"Received shape: {np.shape(values)}"
            )
    if class_counts is not None:
        class_counts = as_class_counts(class_counts, classes)
    if images is not None:
        _check_images(images)
    if sample_number is not None:
        sample_number = _as_sample_numbers(np.asarray(sample_number), samples)
    return SavedPredictions(
        predictions, class_counts, class_names, images, sample_number
    )


def _as_sample_numbers(numbers, samples):
    if numbers.shape != (samples,) or numbers.dtype.kind not in "iu":
        raise ValueError(
            f"`sample_number` must be a whole number for each of {samples} rows. "
            f"Received: {numbers.dtype} of shape {numbers.shape}"
        )
    values, counts = np.unique(numbers, return_counts=True)
    if np.any(counts > 1):
        raise ValueError(
            "`sample_number` must name each sample once. Received more than once: "
            f"{values[counts > 1][0]}"
        )
    return numbers.astype("int64")


def _check_images(images):
    channels = images.shape[3] if images.ndim == 4 else 1
    if images.ndim not in (3, 4) or channels not in (1, 3, 4) or not images.size:
        raise ValueError(
            "`images` must have shape (n, height, width), or (n, height, width, "
            f"channels) with 1, 3 or 4 channels. Received shape: {images.shape}"
        )
    if images.dtype.kind not in "biuf":
        raise ValueError(f"`images` must be numbers. Received dtype: {images.dtype}")


def _as_numbers(labels, class_names):
    """Returns labels given as text as class ids."""
    if labels.dtype.kind not in "OUS":
        return labels
    texts = [_text(item) for item in labels.flat]
    if class_names is not None and set(texts) <= set(class_names):
        ids = {name: number for number, name in enumerate(class_names)}
        if len(ids) < len(class_names):
            raise ValueError("`class_names` must differ where labels are names.")
        return np.array([ids[text] for text in texts])
    try:
        return np.array([float(text) for text in texts])
    except ValueError:
        strange = sorted(set(texts) - set(class_names or ()))
        raise ValueError(
            "`y_true` must hold class ids"
            + (f" or names among {reprlib.repr(class_names)}" if class_names else "")
            + f". Received: {reprlib.repr(strange)}"
        ) from None


def _text(item):
    if isinstance(item, bytes):
        return item.decode("utf-8", "backslashreplace")
    return str(item)


def _read_npz(path, y_true, probabilities, logits, images):
    there = array_names(path)
    wanted = _names_in_npz(path, there, y_true, probabilities, logits)
    if not images:
        wanted.pop("images", None)
    arrays = read_arrays(path, dict.fromkeys(wanted.values()))
    return {key: arrays[name] for key, name in wanted.items()}


def _names_in_npz(path, there, y_true, probabilities, logits):
    if logits is None:
        scores = {"probabilities": probabilities or "probabilities"}
        if probabilities is None and scores["probabilities"] not in there:
            scores = {"logits": "logits"}
    else:
        scores = {"logits": logits}
    wanted = {"y_true": y_true, **scores}
    if missing := [name for name in wanted.values() if name not in there]:
        raise ValueError(
            f"{path}: no array {' and no array '.join(map(repr, missing))} in the file"
            " (`probabilities` or `logits`, and `y_true`). "
            f"It holds: {sorted(there)[:12]}"
        )
    extras = ("class_counts", "class_names", "images", "sample_number")
    return wanted | {name: name for name in extras if name in there}
