"""Losses by name; a loss' name is the default of its `name` argument."""

import inspect

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


def get(identifier, **arguments):
    """Returns a loss by name, from a configuration, or as it is.

    Args:
        identifier: Name such as `"cross_entropy"` or `"mdca"`, a configuration that
            `keras.losses.serialize` wrote, or a `keras.losses.Loss`.
        **arguments: Constructor arguments of a loss given by name.

    Raises:
        ValueError: If there is no loss of that name, or the type does not fit.

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
    return known[identifier](**arguments)
