"""Losses by name; a loss' name is the default of its `name` argument."""

import inspect
from typing import Any

import keras


def names():
    """Returns the loss classes of this package by name."""
    from keras_refcal import losses

    classes = (getattr(losses, name) for name in losses.__all__)
    return {
        inspect.signature(cls).parameters["name"].default: cls
        for cls in classes
        if isinstance(cls, type)
    }


def get(identifier: Any, **arguments: Any) -> Any:
    """Returns a loss by name, from a configuration, or as it is.

    Args:
        identifier: Name such as `"cross_entropy"` or `"mdca"`, a configuration that
            `keras.losses.serialize` wrote, or a `keras.losses.Loss`.
        **arguments: Constructor arguments of a loss given by name.

    Raises:
        ValueError: If there is no loss of that name, the type does not fit, or an
            argument is missing that the loss needs.

    Example:

    >>> from keras_refcal import losses
    >>> losses.get("supervised_contrastive", temperature=0.5).temperature
    0.5
    """
    if isinstance(identifier, keras.losses.Loss):
        return identifier
    if isinstance(identifier, dict):
        return keras.losses.deserialize(identifier)
    known = names()
    if identifier not in known:
        raise ValueError(
            f"Unknown loss {identifier!r}. Expected one of {sorted(known)}, a "
            "configuration or a `keras.losses.Loss`."
        )
    cls = known[identifier]
    missing = [name for name in required_arguments(cls) if name not in arguments]
    if missing:
        raise ValueError(
            f"Loss {identifier!r} needs {', '.join(missing)}. Pass "
            f"`losses.get({identifier!r}, {missing[0]}=...)` or {cls.__name__} itself "
            "instead of the name."
        )
    return cls(**arguments)


def required_arguments(cls):
    """Returns the names of the constructor's arguments that have no default."""
    parameters = inspect.signature(cls).parameters.values()
    return [
        p.name
        for p in parameters
        if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD
    ]
