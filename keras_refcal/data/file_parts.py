"""Data sets from files of images, each with its class, in two parts or three."""

import pathlib
import threading

import numpy as np

from keras_refcal.data.class_ids import check_classes
from keras_refcal.data.image_data import ImageData
from keras_refcal.data.image_files import ImageFiles, decode, read_in_threads
from keras_refcal.data.long_tail import checksum, validation_indices

# Decoded images up to this many bytes are read at once, more are left on disk.
MEMORY_LIMIT = 4 * 1024**3
# What is cut off for test where no part is named so.
TEST_SHARE = 0.2


def from_files(
    name, parts, class_names, image_size=None, skip_damaged=False, split_seed=None
) -> ImageData:
    """Returns a data set from paths and class ids, in memory if it fits there.

    Args:
        name: Name of the data set.
        parts: `"train"`, `"test"` and `"validation"`, as far as there are such parts,
            to paths, shape `(n,)`, and class ids, `(n,)`.
        class_names: One name a class.
        image_size: Height and width to bring the images to; required if they differ.
        skip_damaged: Whether to leave out files that cannot be read, not to raise.
        split_seed: Seed by which a fifth of each class is cut off as test part, where
            there is none.

    Raises:
        ValueError: If a class is missing, a file is no image or the sizes differ,
            naming the path.
        OSError: If a file cannot be read.
    """
    notes, is_split = [], "test" not in parts
    if is_split:
        parts, note = _split(parts, split_seed)
        notes.append(note)
    if image_size is not None:
        image_size = tuple(np.broadcast_to(image_size, 2).tolist())
    reader = _Reader(image_size, skip_damaged)
    shape = reader.shape_of(files for files, _ in parts.values())
    count = sum(len(files) for files, _ in parts.values())
    in_memory = count * np.prod(shape) <= MEMORY_LIMIT
    read = reader.in_memory if in_memory else reader.left_on_disk
    found = {}
    for part, (files, labels) in parts.items():
        images, kept = read(files, shape)
        found[part] = images, labels[kept]
        check_classes(name, labels[kept], len(class_names), every=part == "train")
    if reader.damaged:
        notes.insert(0, reader.what_is_left_out(count))
    validation = found.get("validation", (None, None))
    return ImageData(
        name,
        *found["train"],
        *found["test"],
        tuple(class_names),
        validation_images=validation[0],
        validation_labels=validation[1],
        notes=tuple(notes),
        is_split=is_split,
    )


def _split(parts, seed):
    files, labels = parts["train"]
    kept, held_out = validation_indices(labels, TEST_SHARE, seed)
    note = (
        f"a fifth of each class, {len(held_out)} images, is cut off for test by "
        f"split seed {seed}; sha256 of their numbers {checksum(held_out)[:16]}"
    )
    return parts | {
        "train": (files[kept], labels[kept]),
        "test": (files[held_out], labels[held_out]),
    }, note


class _Reader:
    """Reads files of images, and remembers those that it cannot."""

    def __init__(self, image_size, skip_damaged):
        self.image_size = image_size
        self.skip_damaged = skip_damaged
        self.damaged = []
        self._lock = threading.Lock()

    def shape_of(self, parts):
        """Returns the shape of the first image that can be read."""
        for path in (path for files in parts for path in files):
            image = self._decoded(path)
            if image is not None:
                self.damaged.clear()
                return image.shape
        raise ValueError(f"No image can be read; the first is {self.damaged[0]}")

    def in_memory(self, files, shape):
        """Returns all images, and the numbers of the files that hold them."""

        def read(path):
            image = self._decoded(path)
            if image is None:
                return np.zeros(shape, "uint8")
            if image.shape != shape:
                raise ValueError(
                    f"Images must have one size, or `image_size` must be given. "
                    f"{path} is {image.shape}, others are {shape}"
                )
            return image

        images = read_in_threads(read, files, shape)
        kept = self._kept(files)
        return images if len(kept) == len(files) else images[kept], kept

    def left_on_disk(self, files, shape):
        """Returns images to be decoded when asked for, as `in_memory` does."""
        if self.image_size is None:
            raise ValueError(
                "`image_size` must be given for a data set that memory does not hold, "
                f"as the images may differ in size. Received: None for {files[0]} …"
            )
        if self.skip_damaged:
            for path in files:
                self._decoded(path)
        kept = self._kept(files)
        return ImageFiles(files[kept], shape), kept

    def what_is_left_out(self, count):
        """Says how many of some number of files are used, and why not all."""
        damaged = sorted(self.damaged)
        more = f" and {len(damaged) - 3} more" if len(damaged) > 3 else ""
        return (
            f"uses {count - len(damaged)} of {count} images, because {len(damaged)} "
            f"cannot be read: {', '.join(damaged[:3])}{more}"
        )

    def _decoded(self, path):
        try:
            return decode(pathlib.Path(path).read_bytes(), path, self.image_size)
        except ValueError as error:
            if not self.skip_damaged:
                raise ValueError(
                    f"{error}. Mend or remove it, or leave such files out by "
                    "`skip_damaged`."
                ) from error
        with self._lock:
            self.damaged.append(str(path))
        return None

    def _kept(self, files):
        damaged = {*self.damaged}
        return np.array([n for n, path in enumerate(files) if path not in damaged], int)
