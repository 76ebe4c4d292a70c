"""Finds the optional `shared/data` folder of real images and model outputs."""

import os
import pathlib

import pytest


def shared_data(*parts):
    """Returns a path inside `shared/data`, or skips the test when it is missing."""
    path = _root()
    if path is None or not path.joinpath(*parts).exists():
        pytest.skip(f"needs shared/data/{'/'.join(parts)} (see KERAS_REFCAL_SHARED)")
    return path.joinpath(*parts)


def _root():
    if named := os.environ.get("KERAS_REFCAL_SHARED"):
        return pathlib.Path(named) / "data"
    for folder in pathlib.Path(__file__).resolve().parents:
        if (folder / "shared" / "data").is_dir():
            return folder / "shared" / "data"
    return None
