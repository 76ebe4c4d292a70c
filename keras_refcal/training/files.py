"""The files of a run directory."""

import pathlib
import tempfile


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
