"""Ratios where the denominator may be 0, with a gradient that is finite there."""

from keras import ops

from keras_refcal.types import Tensor


def divide(x: Tensor, y: Tensor, xp=ops) -> Tensor:
    """Returns `x / y`, and NaN where `y` is 0.

    Args:
        x: Any shape.
        y: A shape that `x` broadcasts with.
        xp: `keras.ops`, or `numpy` for arrays.
    """
    return _divide(x, y, float("nan"), xp)


def divide_no_nan(x: Tensor, y: Tensor, xp=ops) -> Tensor:
    """Returns `x / y`, and 0, without gradient, where `y` is 0.

    `keras.ops.divide_no_nan` has a gradient of NaN there on PyTorch before Keras 3.15.

    Args:
        x: Any shape.
        y: A shape that `x` broadcasts with.
        xp: `keras.ops`, or `numpy` for arrays.
    """
    return _divide(x, y, 0.0, xp)


def _divide(x, y, otherwise, xp):
    is_zero = xp.equal(y, 0)
    return xp.where(is_zero, otherwise, x / xp.where(is_zero, 1.0, y))
