"""Finds the optional `shared/data` folder of real images and model outputs."""

import os
import pathlib

import numpy as np
import pytest

# Predictions of published networks.
REAL_PREDICTIONS = (
    "predictions/netcal_densenet-bc-100-cifar-100.npz",
    "predictions/verified_calibration_vgg16_cifar10.npz",
    "predictions/label_errors_imdb.npz",
    "logits/cifar10_lt_densenet40.npz",
    "logits/cifar10_lt_wide_resnet28.npz",
)


def shared_data(*parts):
    """Returns a path inside `shared/data`, or skips the test when it is missing."""
    path = _root()
    if path is None or not path.joinpath(*parts).exists():
        pytest.skip(f"needs shared/data/{'/'.join(parts)} (see KERAS_REFCAL_SHARED)")
    return path.joinpath(*parts)


def real_predictions(name):
    """Returns labels and logits of one of `REAL_PREDICTIONS`."""
    with np.load(shared_data(*name.split("/"))) as file:
        if name.startswith("logits"):
            return file["val_labels"].astype("int64"), file["val_logits"]
        labels = file["ground_truth" if "netcal" in name else "labels"]
        p = file["predictions" if "netcal" in name else "probabilities"]
    return labels.reshape(-1).astype("int64"), np.log(np.maximum(p, 1e-30))


def _root():
    if named := os.environ.get("KERAS_REFCAL_SHARED"):
        return pathlib.Path(named) / "data"
    for folder in pathlib.Path(__file__).resolve().parents:
        if (folder / "shared" / "data").is_dir():
            return folder / "shared" / "data"
    return None
