"""Image data sets in one `.npz` file."""

import pathlib
import zipfile

import numpy as np

from keras_refcal.data.class_ids import check_classes
from keras_refcal.data.image_data import ImageData


def read(path, name=None):
    """Returns a data set from an `.npz` file.

    Args:
        path: A file with the arrays `x_train`, `y_train`, `x_test`, `y_test`; the names
            of the classes in `class_names` are optional. Images are uint8, with or
            without an axis of channels.
        name: Name of the data set, by default that of the file.

    Raises:
        ValueError: If an array is missing or does not fit, or the file is damaged.
        OSError: If there is no such file.
    """
    path = pathlib.Path(path)
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: file[key] for key in file.files}
    except (zipfile.BadZipFile, EOFError, ValueError) as error:
        raise ValueError(f"Damaged or not an .npz file: {path} ({error})") from error
    parts = {}
    for part in ("train", "test"):
        for kind in ("x", "y"):
            if f"{kind}_{part}" not in arrays:
                raise ValueError(
                    f"{path} must hold x_train, y_train, x_test and y_test. "
                    f"Received: {', '.join(sorted(arrays)) or 'nothing'}"
                )
        parts[part] = _checked(path, part, arrays[f"x_{part}"], arrays[f"y_{part}"])
    if parts["train"][0].shape[1:] != parts["test"][0].shape[1:]:
        raise ValueError(
            f"{path} must hold training and test images of one shape. Received: "
            f"{parts['train'][0].shape[1:]} and {parts['test'][0].shape[1:]}"
        )
    num_classes = 1 + max(int(labels.max()) for _, labels in parts.values())
    names = arrays.get("class_names", np.arange(num_classes)).tolist()
    check_classes(path, parts["train"][1], len(names))
    check_classes(path, parts["test"][1], len(names), every=False)
    class_names = tuple(str(value) for value in names)
    return ImageData(name or path.stem, *parts["train"], *parts["test"], class_names)


def _checked(path, part, images, labels):
    labels = np.asarray(labels)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if images.ndim == 3:
        images = images[..., None]
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] not in (1, 3):
        raise ValueError(
            f"{path}: x_{part} must be uint8 images of shape (n, height, width) or "
            f"(n, height, width, 1 or 3). Received: {images.dtype} of shape "
            f"{images.shape}"
        )
    if labels.dtype.kind not in "iu" or labels.shape != images.shape[:1]:
        raise ValueError(
            f"{path}: y_{part} must be one class id an image, shape "
            f"{images.shape[:1]}. Received: {labels.dtype} of shape {labels.shape}"
        )
    if len(labels) == 0:
        raise ValueError(f"{path}: x_{part} must hold one image or more.")
    return images, labels.astype("int64")
