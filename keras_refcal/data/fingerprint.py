"""A checksum of what a data set holds, by which a run knows it again."""

import hashlib
import json
import os

import numpy as np

from keras_refcal.data.image_files import ImageFiles


def fingerprint(images) -> str:
    """Returns a sha256 of images, labels and class names, in hex.

    Images on disk count by the names and sizes of their files, so that nothing is
    decoded; records by their number.

    Args:
        images: An `ImageData`.

    >>> from keras_refcal import data
    >>> digits = data.load("digits")
    >>> fingerprint(digits) == fingerprint(data.load("digits"))
    True
    >>> fingerprint(digits) == fingerprint(digits.long_tailed(0.1))
    False
    """
    digest = hashlib.sha256(json.dumps(images.class_names).encode())
    parts = (images.train_images, images.test_images, images.validation_images)
    for part in parts:
        if part is None:
            continue
        if isinstance(part, ImageFiles):
            digest.update(json.dumps([part.shape, _listed(part.sources)]).encode())
        else:
            _add(digest, part)
    parts = (images.train_labels, images.test_labels, images.validation_labels)
    for labels in (part for part in parts if part is not None):
        _add(digest, np.asarray(labels).astype("<i8"))
    return digest.hexdigest()


def _add(digest, array):
    digest.update(f"{array.dtype.str} {array.shape}".encode())
    digest.update(np.ascontiguousarray(array).data)


def _listed(sources):
    """Returns names, from the folder that all share, and sizes of files."""
    if sources.dtype.kind != "U" or not len(sources):
        return len(sources)
    folder = os.path.commonpath([os.path.dirname(path) for path in sources])
    return [[os.path.relpath(x, folder), os.path.getsize(x)] for x in sources]
