"""Images that are decoded when they are asked for."""

import concurrent.futures
import os
import struct

import numpy as np

from keras_refcal.backend.data_library import tensorflow

MOST_PIXELS = 100_000_000


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

    def __init__(self, sources, shape, read_bytes=None):
        self.sources = np.asarray(sources)
        self.image_shape = tuple(shape)
        self.read_bytes = read_bytes or _file_bytes

    @property
    def shape(self):
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

    def astype(self, dtype):
        """Returns all images as an array."""
        return np.asarray(self).astype(dtype)

    def decoded(self, source):
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

    Args:
        encoded: The bytes of a JPEG, PNG, BMP or GIF file.
        source: What the error names, if the bytes are no image.
        size: Height and width to bring it to, or `None`: the image is scaled until it
            covers them and cut at its middle.
        channels: 1 or 3.

    Raises:
        ValueError: If the bytes are no image.
    """
    tf = tensorflow()
    pixels = pixels_of(encoded)
    if pixels > MOST_PIXELS:
        raise ValueError(
            f"Images may have {MOST_PIXELS:,} pixels. {source} has {pixels:,}."
        )
    with tf.device("CPU"):
        try:
            image = tf.io.decode_image(encoded, channels, expand_animations=False)
        except tf.errors.InvalidArgumentError as error:
            raise ValueError(
                f"Not an image that can be read (JPEG, PNG, BMP, GIF): {source}"
            ) from error
        if size is None or tuple(image.shape[:2]) == tuple(size):
            return image.numpy()
        return _covering(tf, image, size).numpy()


def pixels_of(encoded):
    """Returns the pixels that the head of a PNG, BMP or GIF file tells, or else 0.

    JPEG packs too little into a file to matter.

    >>> pixels_of(b"GIF89a" + bytes([2, 1, 3, 0]))
    774
    """
    for start, place, code in (
        (b"\x89PNG\r\n\x1a\n", 16, ">II"),
        (b"BM", 18, "<ii"),
        (b"GIF8", 6, "<HH"),
    ):
        if encoded.startswith(start) and len(encoded) >= place + struct.calcsize(code):
            width, height = struct.unpack_from(code, encoded, place)
            return abs(width * height)
    return 0


def _covering(tf, image, size):
    """Scales and cuts at once: an extreme shape is never whole at its new size."""
    height, width = image.shape[:2]
    scale = max(size[0] / height, size[1] / width)
    rows, columns = (
        max(round(side * scale), wanted)
        for side, wanted in zip((height, width), size, strict=True)
    )
    image = tf.raw_ops.ScaleAndTranslate(
        images=tf.cast(image, tf.float32)[None],
        size=size,
        scale=(rows / height, columns / width),
        translation=(-((rows - size[0]) // 2), -((columns - size[1]) // 2)),
        kernel_type="triangle",
        antialias=True,
    )[0]
    return tf.cast(tf.clip_by_value(tf.round(image), 0, 255), tf.uint8)


def _file_bytes(path):
    with open(path, "rb") as file:
        return file.read()
