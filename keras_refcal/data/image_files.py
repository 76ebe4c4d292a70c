"""Images that are decoded when they are asked for."""

import concurrent.futures
import contextlib
import io
import math
import os
import threading
from typing import Any

import numpy as np

# More than any camera; Pillow warns a little above.
MOST_PIXELS = 80_000_000
# Of images above this, one is in memory at a time.
LARGE = 4_000_000
FORMATS = ("JPEG", "PNG", "BMP", "GIF", "WEBP")

_alone = threading.Lock()


class ImageFiles:
    """Encoded images on disk, in the place of an array that memory does not hold.

    Args:
        sources: What `read_bytes` takes, one an image: paths of files, or the numbers
            of records.
        shape: Height, width and channels of the decoded images.
        read_bytes: A function from a source to the bytes of its file.

    Indexing with a number decodes one image; with a slice or an array of numbers it
    gives the chosen images, still on disk. `np.asarray` decodes all.
    """

    dtype = np.dtype("uint8")
    ndim = 4

    def __init__(self, sources: Any, shape: Any, read_bytes: Any = None):
        self.sources = np.asarray(sources)
        self.image_shape = tuple(shape)
        self.read_bytes = read_bytes or _file_bytes

    @property
    def shape(self) -> Any:
        """Shape of the array of all images."""
        return (len(self.sources), *self.image_shape)

    def __len__(self):
        return len(self.sources)

    def __getitem__(self, chosen):
        if isinstance(chosen, int | np.integer):
            return self.decoded(self.sources[chosen])
        return ImageFiles(self.sources[chosen], self.image_shape, self.read_bytes)

    def __array__(self, dtype=None, copy=None):
        images = read_in_threads(self.decoded, self.sources, self.image_shape)
        return images if dtype is None else images.astype(dtype)

    def astype(self, dtype: Any) -> Any:
        """Returns all images as an array."""
        return np.asarray(self).astype(dtype)

    def decoded(self, source: Any) -> Any:
        """Returns one image, uint8 of shape `(height, width, channels)`.

        Raises:
            ValueError: If the file is no image, naming it.
        """
        encoded = self.read_bytes(source)
        return decode(encoded, source, self.image_shape[:2], self.image_shape[2])


def read_in_threads(read, sources, image_shape) -> np.ndarray:
    """Returns the image that `read` makes of each source, uint8, in one array."""
    images = np.empty((len(sources), *image_shape), "uint8")
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as threads:
        for number, image in enumerate(threads.map(read, sources)):
            images[number] = image
    return images


def decode(encoded, source, size=None, channels=3):
    """Returns an encoded image as uint8, `(height, width, channels)`.

    It is turned upright, as the camera noted. A large image is cut before it is scaled,
    and a JPEG is opened at the smallest size that its format offers and that is twice
    as large as wanted.

    Args:
        encoded: The bytes of a JPEG, PNG, BMP, GIF or WebP file.
        source: What the error names, if the bytes are no image.
        size: Height and width to bring it to, or `None`: the image is cut at its
            middle to that shape, and scaled.
        channels: 1 or 3.

    Raises:
        ValueError: If the bytes are no image, or one of too many pixels.
        ImportError: If Pillow is missing.
    """
    pillow = _pillow()
    try:
        with pillow.open(io.BytesIO(encoded), formats=FORMATS) as image:
            pixels = math.prod(image.size)
            if pixels > MOST_PIXELS:
                raise _TooLarge(pixels)
            with _alone if pixels > LARGE else contextlib.nullcontext():
                return _read(pillow, image, size, channels)
    except (_TooLarge, pillow.DecompressionBombError) as error:
        raise ValueError(
            f"Images may have {MOST_PIXELS:,} pixels. {source} has more ({error})."
        ) from error
    except Exception as error:
        # What a decoder makes of damaged bytes may raise anything.
        raise ValueError(
            f"Not an image that can be read (JPEG, PNG, BMP, GIF, WebP): {source} "
            f"({error})"
        ) from error


class _TooLarge(Exception):
    def __init__(self, pixels):
        super().__init__(f"{pixels:,}")


def _pillow():
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError(
            "Images in files are read with Pillow: pip install 'keras-refcal[report]'."
        ) from error
    return Image


def _read(pillow, image, size, channels):
    from PIL import ImageOps

    mode = "L" if channels == 1 else "RGB"
    if size is not None:
        across = 2 * max(size)
        image.draft(mode, (across, across))
    if image.mode.startswith("I"):
        # 16 bits a pixel, of which the upper ones are kept.
        image = pillow.fromarray((np.asarray(image) >> 8).astype("uint8"))
    image = ImageOps.exif_transpose(image.convert(mode))
    if size is not None and image.size != (size[1], size[0]):
        image = image.resize(
            (size[1], size[0]),
            pillow.Resampling.BILINEAR,
            box=_middle(image.size, size),
            reducing_gap=2.0,
        )
    return np.asarray(image).reshape(image.height, image.width, channels)


def _middle(sides, size):
    """Returns the part of an image, of some width and height, that has a shape.

    >>> _middle((90, 30), (30, 30))
    (30, 0, 60, 30)
    """
    width, height = sides
    scale = max(size[1] / width, size[0] / height)
    columns = min(width, max(1, round(size[1] / scale)))
    rows = min(height, max(1, round(size[0] / scale)))
    left, top = (width - columns) // 2, (height - rows) // 2
    return left, top, left + columns, top + rows


def _file_bytes(path):
    with open(path, "rb") as file:
        return file.read()
