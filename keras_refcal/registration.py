"""What makes a class loadable from a `.keras` file: its name, and its configuration."""

import functools
import inspect
from collections.abc import Mapping
from typing import Any, ClassVar

import keras
import numpy as np

serializable = keras.saving.register_keras_serializable(package="keras_refcal")

# What the classes of Keras put into a configuration themselves.
_BY_KERAS = frozenset({"name", "dtype", "reduction", "trainable"})


class Configured:
    """Has the configuration that the signature of its constructor says.

    Stands before a class of Keras among the bases. Each argument of the constructor is
    kept in an attribute of its name; `**kwargs` are the arguments of the next class,
    but for those in `fixed`, which a class gives to it itself.

    Example:

    >>> from keras_refcal.losses import FocalLoss
    >>> FocalLoss(gamma=3.0).get_config()["gamma"]
    3.0
    """

    fixed: ClassVar[tuple[str, ...]] = ()

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments, objects of Keras serialised.

        Raises:
            TypeError: If one of them is kept in no attribute of its name.
        """
        names = arguments_of(type(self))
        if missing := [name for name in names if not hasattr(self, name)]:
            raise TypeError(
                f"{type(self).__name__} must keep its argument `{missing[0]}` in an "
                "attribute of that name, or define `get_config`."
            )
        own = {name: _plain(getattr(self, name)) for name in names}
        return {**super().get_config(), **own}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Any:
        """Returns the object that `get_config` described."""
        own = {k: _revived(config[k]) for k in arguments_of(cls) if k in config}
        return super().from_config({**config, **own})


@functools.cache
def arguments_of(cls: type) -> tuple[str, ...]:
    """Returns the constructor's arguments that the classes of Keras do not know.

    >>> from keras_refcal.losses import FocalLoss
    >>> arguments_of(FocalLoss)
    ('gamma', 'from_logits', 'ignore_class')
    """
    names: dict[str, None] = {}
    for base in cls.__mro__:
        if not issubclass(base, Configured):
            continue
        if "__init__" in vars(base):
            parameters = [*inspect.signature(base.__init__).parameters.values()][1:]
            names |= {p.name: None for p in parameters if p.kind not in _VARIADIC}
            if not any(p.kind is p.VAR_KEYWORD for p in parameters):
                break
    fixed = {name for base in cls.__mro__ for name in vars(base).get("fixed", ())}
    return tuple(name for name in names if name not in _BY_KERAS | fixed)


_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def _plain(value):
    """Returns a value as JSON has it."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if hasattr(value, "get_config"):
        return keras.saving.serialize_keras_object(value)
    return value


def _revived(value):
    """Returns the object of Keras that a value describes, or the value."""
    if isinstance(value, list):
        return [_revived(item) for item in value]
    if isinstance(value, Mapping) and {"class_name", "config"} <= {*value}:
        return keras.saving.deserialize_keras_object(value)
    return value
