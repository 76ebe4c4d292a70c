"""CIFAR-10 and CIFAR-100 in the folders that their authors publish.

Those files are pickles, and a pickle can run any code when it is loaded. Here only what
the real files hold is let through: dictionaries, lists, strings, numbers and NumPy
arrays of plain numbers. A file that names anything else is refused before it runs.
"""

import pathlib
import pickle

import numpy as np

CIFAR10_TRAIN = tuple(f"data_batch_{number}" for number in range(1, 6))
FOLDERS = {"cifar10": "cifar-10-batches-py", "cifar100": "cifar-100-python"}


def _latin1(text, encoding):
    """What Python 3 writes for bytes where Python 2 is to read them."""
    if encoding != "latin1":
        raise ValueError(f"Unexpected encoding {encoding!r} in a pickle of bytes.")
    return text.encode("latin1")


_reconstruct = np.empty(0).__reduce__()[0]
_frombuffer = np.empty(0).__reduce_ex__(5)[0]
ALLOWED = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy.core.numeric", "_frombuffer"): _frombuffer,
    ("numpy._core.numeric", "_frombuffer"): _frombuffer,
    ("_codecs", "encode"): _latin1,
}


def folder_of(name, data_dir):
    """Returns the folder of a data set's files in or at `data_dir`, or `None`."""
    for folder in (pathlib.Path(data_dir) / FOLDERS[name], pathlib.Path(data_dir)):
        marker = "data_batch_1" if name == "cifar10" else "meta"
        if (folder / marker).is_file() and (folder / _test_file(name)).is_file():
            return folder
    return None


def read(name, folder):
    """Returns the parts of CIFAR-10 or CIFAR-100 in the archive's order.

    Args:
        name: `"cifar10"` or `"cifar100"`.
        folder: The folder `cifar-10-batches-py` or `cifar-100-python`.

    Returns:
        Training images and labels, test images and labels, and class names.

    Raises:
        ValueError: If a file is damaged or is no such file, naming it.
        OSError: If a file cannot be read.
    """
    folder = pathlib.Path(folder)
    if name == "cifar10":
        train_files, key, names_file = CIFAR10_TRAIN, b"labels", "batches.meta"
        names_key = b"label_names"
    else:
        train_files, key, names_file = ("train",), b"fine_labels", "meta"
        names_key = b"fine_label_names"
    parts = [_images_and_labels(folder / file, key) for file in train_files]
    train_images = np.concatenate([images for images, _ in parts])
    train_labels = np.concatenate([labels for _, labels in parts])
    test_images, test_labels = _images_and_labels(folder / _test_file(name), key)
    names = _entry(folder / names_file, safe_load(folder / names_file), names_key)
    class_names = tuple(_text(value) for value in names)
    for labels, file in ((train_labels, train_files[0]), (test_labels, "test")):
        if labels.min() < 0 or labels.max() >= len(class_names):
            raise ValueError(
                f"{folder / file} holds labels from {labels.min()} to {labels.max()}, "
                f"but {folder / names_file} names {len(class_names)} classes."
            )
    return train_images, train_labels, test_images, test_labels, class_names


def safe_load(path):
    """Returns what a pickle of plain values and NumPy arrays holds.

    Raises:
        ValueError: If the file is damaged, or names anything that is not in `ALLOWED`.
    """
    with open(path, "rb") as file:
        try:
            return _SafeUnpickler(file, encoding="bytes").load()
        except ValueError:
            raise
        except (
            *(pickle.UnpicklingError, EOFError, LookupError),
            *(TypeError, AttributeError, OverflowError, MemoryError),
        ) as error:
            raise ValueError(f"Damaged file: {path} ({error})") from error


class _SafeUnpickler(pickle.Unpickler):
    """Finds nothing but what arrays of numbers are made of."""

    def __init__(self, file, **arguments):
        super().__init__(file, **arguments)
        self._path = file.name

    def find_class(self, module, name):
        if (module, name) in ALLOWED:
            return ALLOWED[module, name]
        raise ValueError(
            f"Refused to load {self._path}: it names `{module}.{name}`, which no "
            "CIFAR file holds and which could run code."
        )


def _images_and_labels(path, label_key):
    batch = safe_load(path)
    pixels = np.asarray(_entry(path, batch, b"data"))
    labels = np.asarray(_entry(path, batch, label_key))
    if pixels.dtype != np.uint8 or pixels.ndim != 2 or pixels.shape[1] != 3072:
        raise ValueError(
            f"{path} must hold uint8 images of shape (n, 3072). Received: "
            f"{pixels.dtype} of shape {pixels.shape}"
        )
    if labels.shape != pixels.shape[:1] or labels.dtype.kind not in "iu":
        raise ValueError(
            f"{path} must hold one label an image. Received: {labels.dtype} of shape "
            f"{labels.shape} for {len(pixels)} images"
        )
    images = pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(images), labels.astype("int64")


def _entry(path, batch, key):
    for wanted in (key, key.decode()):
        if isinstance(batch, dict) and wanted in batch:
            return batch[wanted]
    raise ValueError(f"{path} has no entry {key.decode()!r}: it is no CIFAR file.")


def _text(value):
    return value.decode() if isinstance(value, bytes) else str(value)


def _test_file(name):
    return "test_batch" if name == "cifar10" else "test"
