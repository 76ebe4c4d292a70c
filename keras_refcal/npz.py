"""Reads npz files that may be damaged, made to harm, or no npz files at all."""

import contextlib
import math
import os
import struct
import tokenize
import zipfile
import zlib

import numpy as np

# So many numbers, or a few times as many as the file has bytes, are read. Compression
# makes a small file declare far more than a machine holds.
MOST_NUMBERS = 2**26
NUMBERS_A_BYTE = 4

_FLAG_ENCRYPTED = 1
_PLAIN = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    tokenize.TokenError,
    EOFError,
    NotImplementedError,
    OverflowError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
)


def array_names(path) -> list[str]:
    """Returns the names of the arrays in an npz file.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it is no npz file, or damaged.
    """
    with _opened(path) as file:
        return list(_members(file))


def read_arrays(path, names) -> dict[str, np.ndarray]:
    """Returns some arrays of an npz file, checked before room is made for them.

    Args:
        path: The file.
        names: Names among `array_names(path)`.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it is no npz file, is damaged, is encrypted, holds Python
            objects, or declares far more numbers than so small a file can mean.
    """
    with _opened(path) as file:
        members = _members(file)
        most = most_numbers(path)
        declared = 0
        for name in names:
            with _of_array(path, name):
                declared += _declared(file, members[name], most)
        if declared > most:
            raise ValueError(
                f"{path}: so small a file may hold {most:,} numbers and declares "
                f"{declared:,}. If they are meant, save them uncompressed: np.savez."
            )
        arrays = {}
        for name in names:
            with _of_array(path, name), file.open(members[name]) as member:
                arrays[name] = np.lib.format.read_array(member, allow_pickle=False)
                member.read(1)  # The checksum is compared at the end.
        return arrays


def most_numbers(path) -> int:
    """Returns how many numbers a file may unpack to."""
    return max(MOST_NUMBERS, NUMBERS_A_BYTE * os.path.getsize(path))


@contextlib.contextmanager
def _opened(path):
    with open(path, "rb") as raw:
        start = raw.read(6)
        if start == b"\x93NUMPY":
            raise ValueError(f"{path}: a single array, no npz file. {_ADVICE}")
        if not start.startswith((b"PK\3\4", b"PK\5\6")):
            what = "no npz file" if start else "an empty file"
            raise ValueError(f"{path}: {what}. {_ADVICE}")
        try:
            file = zipfile.ZipFile(raw)
        except (OSError, *_DAMAGE) as error:
            raise _damaged(path, error) from error
        with file:
            yield file


_ADVICE = "Save arrays with np.savez(FILE, NAME=ARRAY, …)."


def _members(file):
    ending = ".npy"
    return {
        member.filename.removesuffix(ending): member
        for member in file.infolist()
        if member.filename.endswith(ending)
    }


@contextlib.contextmanager
def _of_array(path, name):
    try:
        yield
    except _Refused as error:
        raise ValueError(f"{path}: array {name!r} {error}") from error
    except (OSError, *_DAMAGE) as error:
        raise _damaged(f"{path}: array {name!r}", error) from error


class _Refused(Exception):
    """An array that is whole, but not read."""


def _declared(file, member, most):
    """Returns how many numbers of 8 bytes an array takes; more if it has more."""
    if member.flag_bits & _FLAG_ENCRYPTED:
        raise _Refused("is encrypted: save it without a password.")
    if member.compress_type not in _PLAIN:
        raise _Refused("is compressed as NumPy does not: save it by np.savez.")
    if member.file_size // 8 > most:
        return member.file_size // 8
    with file.open(member) as stream:
        version = np.lib.format.read_magic(stream)
        if version == (1, 0):
            header = np.lib.format.read_array_header_1_0(stream)
        else:
            header = np.lib.format.read_array_header_2_0(stream)
        start = stream.tell()
    shape, _, dtype = header
    if dtype.hasobject or dtype.names is not None or dtype.subdtype is not None:
        raise _Refused("must be of plain numbers or text, not of objects or records.")
    count = math.prod(shape)
    if min(shape, default=0) < 0 or start + count * dtype.itemsize != member.file_size:
        raise ValueError("its size is not what its header says")
    return max(count, count * dtype.itemsize // 8)


def _damaged(place, error):
    said = " ".join(str(error).split())[:120]
    return ValueError(f"{place}: damaged or cut short ({said}). Write the file again.")
