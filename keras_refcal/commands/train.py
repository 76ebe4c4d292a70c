"""Trains a method and a baseline on a long-tailed data set.

    keras-refcal train --dataset=digits --method=refcal --output_dir=runs/digits

Prints progress and a table; writes `report.html`, `metrics.json`, `config.json`,
`model.keras`, `predictions.npz`, `history.json` and `reliability.png`. The same
command again goes on where it was stopped. KERAS_BACKEND=tensorflow, jax or torch
chooses the backend.
"""

import dataclasses
import types
import typing

from absl import flags

from keras_refcal.training.config import TrainConfig


def define_flags(flag_values):
    """Defines one flag for each field of `TrainConfig`."""
    for field in dataclasses.fields(TrainConfig):
        required = field.default is dataclasses.MISSING
        _define(field, None if required else field.default, flag_values)
        if required:
            flags.mark_flag_as_required(field.name, flag_values)


def run(flag_values, positional):
    """Trains what the flags say."""
    if positional:
        raise ValueError(f"train takes flags only. Received: {' '.join(positional)}")
    from keras_refcal.training.train import train

    names = [field.name for field in dataclasses.fields(TrainConfig)]
    values = {name: flag_values[name].value for name in names}
    values["seeds"] = _whole_numbers("seeds", values["seeds"])
    train(TrainConfig(**values))


def _whole_numbers(name, texts):
    try:
        return tuple(int(text) for text in texts)
    except ValueError as error:
        raise ValueError(
            f"`{name}` must be whole numbers with commas between. Received: "
            f"{','.join(texts)!r}"
        ) from error


def _define(field, default, flag_values):
    help_text = field.metadata["help"]
    kind = field.type
    if typing.get_origin(kind) is types.UnionType:
        kind = typing.get_args(kind)[0]
    if typing.get_origin(kind) is tuple:
        default = [str(value) for value in default]
        flags.DEFINE_list(field.name, default, help_text, flag_values=flag_values)
        return
    define = {
        str: flags.DEFINE_string,
        int: flags.DEFINE_integer,
        float: flags.DEFINE_float,
        bool: flags.DEFINE_boolean,
    }[kind]
    define(field.name, default, help_text, flag_values=flag_values)
