"""Image data sets in one `.npz` file."""

import pathlib

import numpy as np

from keras_refcal.data.class_ids import check_classes, count_classes
from keras_refcal.data.image_data import ImageData
from keras_refcal.npz import array_names, read_arrays


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
    arrays = read_arrays(path, array_names(path))
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
    names = arrays.get("class_names")
    if names is None:
        names = np.arange(count_classes(path, *(y for _, y in parts.values())))
    if names.ndim != 1 or names.dtype.kind not in "USiu":
        raise ValueError(
            f"{path}: class_names must be one name a class. Received: {names.dtype} "
            f"of shape {names.shape}"
        )
    names = [x.decode() if isinstance(x, bytes) else x for x in names.tolist()]
    check_classes(path, parts["train"][1], len(names))
    check_classes(path, parts["test"][1], len(names), every=False)
    class_names = tuple(str(value) for value in names)
    found = ImageData(name or path.stem, *parts["train"], *parts["test"], class_names)
    # Of one channel: digits, letters and the like, which are not mirrored.
    return found.augmented_by("affine") if found.train_images.shape[-1] == 1 else found


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
