"""Flags from the fields of a configuration, and back."""

import dataclasses
import types
import typing

from absl import flags


def define(config_class, flag_values):
    """Defines one flag for each field of a configuration."""
    for field in dataclasses.fields(config_class):
        required = field.default is dataclasses.MISSING
        _define(field, None if required else field.default, flag_values)
        if required:
            flags.mark_flag_as_required(field.name, flag_values)


def read(config_class, flag_values):
    """Returns the configuration that the flags say.

    Raises:
        ValueError: If a value does not fit its field.
    """
    return config_class(
        **{
            field.name: _value(field, flag_values[field.name].value)
            for field in dataclasses.fields(config_class)
        }
    )


def _define(field, default, flag_values):
    kind = _kind(field)
    if words := _words(field):
        define_number_or_word(
            field.name, default, field.metadata["help"], words, flag_values
        )
        return
    if typing.get_origin(kind) is tuple:
        default = None if default is None else [str(value) for value in default]
    make = {
        str: flags.DEFINE_string,
        int: flags.DEFINE_integer,
        float: flags.DEFINE_float,
        bool: flags.DEFINE_boolean,
    }.get(kind, flags.DEFINE_list)
    make(field.name, default, field.metadata["help"], flag_values=flag_values)


def define_number_or_word(name, default, help, words, flag_values):
    """Defines a flag that is a number or one of some words."""
    flags.DEFINE(
        _NumberOrWord(words),
        name,
        default,
        help,
        flag_values,
        flags.ArgumentSerializer(),
    )


class _NumberOrWord(flags.ArgumentParser):
    def __init__(self, words):
        self.words = words
        self.syntactic_help = f"a number or {' or '.join(words)}"

    def parse(self, argument):
        try:
            return argument if argument in self.words else float(argument)
        except ValueError:
            raise ValueError(f"must be {self.syntactic_help}") from None

    def flag_type(self):
        return "number or word"


def _words(field):
    """Returns the words that a field takes besides a number."""
    literals = (x for x in typing.get_args(field.type) if typing.get_args(x))
    return tuple(
        word
        for literal in literals
        if typing.get_origin(literal) is typing.Literal
        for word in typing.get_args(literal)
    )


def _value(field, value):
    kind = _kind(field)
    if value is None or typing.get_origin(kind) is not tuple:
        return value
    (item, _) = typing.get_args(kind)
    try:
        return tuple(item(text) for text in value)
    except ValueError as error:
        raise ValueError(
            f"`{field.name}` must be whole numbers with commas between. Received: "
            f"{','.join(value)!r}"
        ) from error


def _kind(field):
    """Returns the type of a field, without `None`."""
    if typing.get_origin(field.type) in (types.UnionType, typing.Union):
        return typing.get_args(field.type)[0]
    return field.type
