"""The files of a run directory: where they may be written, and if they are whole."""

import pathlib
import tempfile

from keras_refcal.files import read_json, sha256, write_json

CHECKSUMS = "checksums.json"
SEALED = f"*/seed-*/{CHECKSUMS}"


def check_directory(path, is_ours):
    """Raises `ValueError` unless a directory may be written without loss.

    Args:
        path: The directory; there may be none yet.
        is_ours: Says of a directory that holds files whether they are of the kind
            that is to be written. Those of any other kind are left alone.
    """
    if not str(path).strip():
        raise ValueError("`output_dir` must name a directory. Received an empty text.")
    path = pathlib.Path(path)
    there = sorted(
        str(file.relative_to(path))
        for file in (path.rglob("*") if path.is_dir() else ())
        if file.is_file() and not file.name.startswith(".")
    )
    if there and not is_ours(path):
        more = f" and {len(there) - 1} more files" if len(there) > 1 else ""
        raise ValueError(
            "`output_dir` must be new, empty, or what the same command wrote: nothing "
            f"else is overwritten. {path} holds {there[0]!r}{more}."
        )


def writable_directory(path, is_ours):
    """Creates a directory and proves that files can be written there.

    Args:
        path: The directory.
        is_ours: See `check_directory`.

    Returns:
        The directory as a `pathlib.Path`.

    Raises:
        OSError: If it cannot be created or written, naming the path.
        ValueError: If it holds something else.
    """
    check_directory(path, is_ours)
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


def holds_runs(directory):
    """Whether `train` or `sweep` wrote a directory, or began to."""
    if any(directory.glob("*/seed-*/config.json")):
        return True
    path = directory / "config.json"
    config = read_json(path) if path.is_file() else None
    return isinstance(config, dict) and {"split_sha256", "recipes"} <= {*config}


def finished_runs(directory):
    """Returns the run directories that were sealed, by recipe and seed."""
    return [path.parent for path in sorted(directory.glob(SEALED), key=_order)]


def _order(path):
    recipe, seed = path.parent.parent.name, path.parent.name.removeprefix("seed-")
    return recipe, int(seed) if seed.isdecimal() else -1, seed


def seal(directory, names):
    """Writes the checksums of the files of a finished run."""
    write_json(
        directory / CHECKSUMS, {name: sha256(directory / name) for name in names}
    )


def broken_files(directory):
    """Returns the names of files of a sealed run that are gone or have changed.

    The checksums themselves are among them where they cannot be read.
    """
    try:
        expected = read_json(directory / CHECKSUMS)
    except (OSError, ValueError):
        return [CHECKSUMS]
    if not isinstance(expected, dict):
        return [CHECKSUMS]
    return [name for name in expected if sha256(directory / name) != expected[name]]


def unseal_if_broken(directory):
    """Lets a finished run be concluded anew if a file of it is gone or has changed.

    What is redone follows from the checkpoints: predictions and model, not training.

    Returns:
        The names of those files.
    """
    path, marker = directory / CHECKSUMS, directory / "history.json"
    if not path.is_file():
        marker.unlink(missing_ok=True)
        return []
    broken = broken_files(directory)
    if broken:
        marker.unlink(missing_ok=True)
        path.unlink()
    return broken
