"""Real images for benchmarks: the sheets of `shared/data`, where they are."""

import importlib.util
import os
import pathlib


def load(dataset, split):
    """Returns images uint8 `(n, 32, 32, 3)` and labels, or `None` without sheets."""
    found = folder()
    if found is None:
        return None
    spec = importlib.util.spec_from_file_location("sheets", found / "read_sheets.py")
    reader = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(reader)
    images, labels, _ = reader.load(dataset, split)
    return images, labels


def folder():
    """Returns where the sheets and their reader lie, or `None`."""
    roots = [parent / "shared" for parent in pathlib.Path(__file__).resolve().parents]
    if named := os.environ.get("KERAS_REFCAL_SHARED"):
        roots.insert(0, pathlib.Path(named))
    for root in roots:
        if (root / "data" / "read_sheets.py").is_file():
            return root / "data"
    return None
