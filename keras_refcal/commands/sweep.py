"""Trains several recipes with several seeds and compares them.

    keras-refcal sweep --dataset=digits --recipes=refcal_joint,crl --seeds=0,1,2 \
        --output_dir=runs/contest

Writes what `keras-refcal train` writes. What is done is left as it is, what is not is
resumed: the same command goes on where it was stopped, and more recipes or seeds may
be asked for later.
"""

from keras_refcal.commands import config_flags
from keras_refcal.training.config import SweepConfig


def define_flags(flag_values):
    """Defines one flag for each field of `SweepConfig`."""
    config_flags.define(SweepConfig, flag_values)


def run(flag_values, positional):
    """Trains what the flags say."""
    if positional:
        raise ValueError(f"sweep takes flags only. Received: {' '.join(positional)}")
    from keras_refcal.training.train import train

    train(config_flags.read(SweepConfig, flag_values))
