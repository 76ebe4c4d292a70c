"""Files that are whole or absent: written under a temporary name, then renamed."""

import contextlib
import os
import pathlib
import uuid


@contextlib.contextmanager
def replacing(path):
    """Yields a temporary path beside `path` that takes its place on success.

    On an error the temporary file is removed and `path` is left as it was. The
    temporary name keeps the suffixes, from which writers choose a format.
    """
    path = pathlib.Path(path)
    temporary = path.with_name(f".{uuid.uuid4().hex}{''.join(path.suffixes)}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
