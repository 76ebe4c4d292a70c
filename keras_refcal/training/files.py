"""The files of a run directory."""

import json
import pathlib
import tempfile

from keras_refcal.files import replacing


def write_json(path, value):
    """Writes a JSON file atomically; NaN becomes null, as JSON has none."""
    text = json.dumps(_without_nan(value), indent=2, allow_nan=False)
    with replacing(path) as temporary:
        temporary.write_text(text + "\n")


def read_json(path):
    """Returns what a JSON file holds."""
    return json.loads(pathlib.Path(path).read_text())


def writable_directory(path):
    """Creates a directory and proves that files can be written there.

    Returns:
        The directory as a `pathlib.Path`.

    Raises:
        OSError: If it cannot be created or written, naming the path.
    """
    path = pathlib.Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise OSError(
            f"`output_dir` must be a directory that can be written. "
            f"Received: {str(path)!r} ({error.strerror or error})"
        ) from error
    return path


def _without_nan(value):
    if isinstance(value, dict):
        return {str(key): _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    if isinstance(value, float) and value != value:
        return None
    return value
