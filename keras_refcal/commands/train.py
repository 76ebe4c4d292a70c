"""Trains a method and a baseline on a data set.

    keras-refcal train --dataset=digits --method=refcal --output_dir=runs/digits

Prints progress and a table; writes `report.html`, `metrics.json`, `config.json`,
`model.keras`, `predictions.npz`, `history.json` and `reliability.png`. The same
command again goes on where it was stopped. KERAS_BACKEND=tensorflow, jax or torch
chooses the backend.
"""

from absl import flags

from keras_refcal.commands import config_flags
from keras_refcal.training.config import TrainConfig


def define_flags(flag_values):
    """Defines one flag for each field of `TrainConfig`."""
    config_flags.define(TrainConfig, flag_values)
    flags.DEFINE_alias("recipe", "method", flag_values)


def run(flag_values, positional):
    """Trains what the flags say."""
    if positional:
        raise ValueError(f"train takes flags only. Received: {' '.join(positional)}")
    from keras_refcal.training.train import train

    train(config_flags.read(TrainConfig, flag_values))
