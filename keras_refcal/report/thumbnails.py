"""Small pictures as data URIs."""

import base64
import io

import numpy as np

LONGEST_SIDE = 96
LARGEST_SIDE = 2048


def thumbnail(image) -> str:
    """Returns a picture as a PNG data URI, no side longer than 96 pixels.

    Args:
        image: Shape `(height, width)` or `(height, width, channels)` with 1, 3 or 4
            channels; uint8, or floats from 0 to 1, other ranges are stretched to it.
    """
    from PIL import Image

    image = np.asarray(image)
    # Of huge pictures only some pixels are looked at.
    step = max(1, max(image.shape[:2]) // LARGEST_SIDE)
    image = image[::step, ::step]
    if image.dtype != np.uint8:
        image = _as_bytes(image.astype("float64"))
    if image.ndim == 3 and image.shape[2] == 1:
        image = image[:, :, 0]
    picture = Image.fromarray(image)
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def _as_bytes(values):
    values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    values = np.clip(values, -1e100, 1e100)
    low, high = min(values.min(), 0.0), max(values.max(), 1.0)
    return np.uint8(np.round(255 * (values - low) / (high - low)))
