"""Division whose gradient is finite."""

from keras import ops

from keras_refcal.types import Tensor


def divide_no_nan(x: Tensor, y: Tensor) -> Tensor:
    """Returns `x / y`, and 0, without gradient, where `y` is 0.

    `keras.ops.divide_no_nan` has a gradient of NaN there on PyTorch before Keras 3.15.
    """
    is_zero = ops.equal(y, 0)
    return ops.where(is_zero, 0.0, x / ops.where(is_zero, 1.0, y))
