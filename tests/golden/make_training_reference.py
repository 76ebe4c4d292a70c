"""Writes `training_reference.npz`: what every backend must reach, made by one of them.

KERAS_BACKEND=torch python tests/golden/make_training_reference.py
"""

import pathlib
import sys

import numpy as np

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from models.ten_steps import run  # noqa: E402

if __name__ == "__main__":
    losses, weights = run()
    np.savez_compressed(
        HERE / "training_reference.npz",
        losses=losses,
        **{f"weight_{number}": weight for number, weight in enumerate(weights)},
    )
