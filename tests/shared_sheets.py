"""Reads the image sheets of `shared/data`, some classes and images at a time."""

import functools

import numpy as np
from PIL import Image
from shared_data import shared_data

TILE = 32


@functools.cache
def sheets(dataset, split, classes=10, per_class=20):
    """Returns images uint8 `(n, 32, 32, 3)`, labels and class names, class by class."""
    files = sorted(shared_data(dataset, split).glob("*.webp"))[:classes]
    images = np.concatenate([tiles(file)[:per_class] for file in files])
    labels = np.repeat(np.arange(len(files)), per_class)
    return images, labels, tuple(file.stem.split("_", 1)[1] for file in files)


def tiles(path):
    """Returns the tiles of a sheet, row by row."""
    sheet = np.asarray(Image.open(path).convert("RGB"))
    rows, columns = (side // TILE for side in sheet.shape[:2])
    grid = sheet.reshape(rows, TILE, columns, TILE, 3).swapaxes(1, 2)
    return grid.reshape(-1, TILE, TILE, 3)
