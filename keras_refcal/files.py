"""Files that are whole or absent, and never written over what is read."""

import contextlib
import hashlib
import json
import math
import os
import pathlib
import re
import uuid

# Deeper values are no settings or figures, and end in Python's limit of recursion.
DEEPEST_JSON = 40

_TEMPORARY = re.compile(r"\.[0-9a-f]{32}(\..*)?")


@contextlib.contextmanager
def replacing(path, room=0):
    """Yields a temporary path beside `path` that takes its place on success.

    On an error the temporary file is removed and `path` is left as it was. The
    temporary name keeps the suffixes, from which writers choose a format.

    Args:
        path: The file to write.
        room: Bytes that the disk must take before the writer starts, for writers that
            a full disk would crash.

    Raises:
        OSError: If the file cannot be written, naming it.
    """
    path = pathlib.Path(path)
    temporary = path.with_name(f".{uuid.uuid4().hex}{''.join(path.suffixes)}")
    try:
        if room:
            temporary.write_bytes(bytes(room))
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        if error.filename is not None:
            raise
        reason = error.strerror or str(error)
        raise OSError(error.errno, f"{reason}; not written", str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)


def remove_partial(paths):
    """Removes what `replacing` leaves of a file where its process is killed.

    Args:
        paths: Paths, of which those with the name of a temporary file are removed.
    """
    for path in paths:
        if _TEMPORARY.fullmatch(path.name) and path.is_file():
            path.unlink(missing_ok=True)


def sha256(path):
    """Returns the checksum of a file in hex, `None` without one."""
    path = pathlib.Path(path)
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_json(path, value):
    """Writes a JSON file atomically.

    JSON has neither: NaN becomes null, and infinity the text that `float` reads.
    """
    text = json.dumps(as_json(value), indent=2, allow_nan=False)
    with replacing(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def read_json(path):
    """Returns what a JSON file holds.

    Raises:
        OSError: If it cannot be read.
        ValueError: If it is not JSON, or nested too deeply, naming the file.
    """
    try:
        value = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
        deep = _is_deeper(value, DEEPEST_JSON)
    except ValueError as error:
        raise ValueError(f"{path}: not JSON ({error}).") from error
    except RecursionError:
        deep = True
    if deep:
        raise ValueError(f"{path}: nested more than {DEEPEST_JSON} levels deep.")
    return value


def check_output(output, inputs):
    """Raises `ValueError` if a file to write is one that is read.

    However its path is spelled: relative, through links, in another case.

    Args:
        output: The file to write.
        inputs: Files that are read, some of which may not exist.
    """
    for path in inputs:
        if os.path.exists(output) and os.path.exists(path):
            if os.path.samefile(output, path):
                raise ValueError(f"{output} is an input: write to another file.")


def _is_deeper(value, levels):
    if not isinstance(value, dict | list):
        return False
    parts = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_is_deeper(part, levels - 1) for part in parts)


def as_json(value):
    """Returns a value as JSON can hold it.

    >>> as_json({"nll": float("inf"), 1: (float("nan"), 0.5)})
    {'nll': 'Infinity', '1': [None, 0.5]}
    """
    if isinstance(value, dict):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        if math.isnan(value):
            return None
        return "Infinity" if value > 0 else "-Infinity"
    return value
