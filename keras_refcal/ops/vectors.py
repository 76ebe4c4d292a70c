"""Vectors of length one, with a finite gradient everywhere."""

from keras import ops

from keras_refcal.types import Tensor

MIN_SQUARED_NORM = 1e-24


def unit_vectors(x: Tensor) -> Tensor:
    """Returns `x / |x|` along the last axis; a zero vector stays zero.

    Args:
        x: Shape `(..., dim)`, floating.
    """
    squared_norm = ops.sum(ops.square(x), axis=-1, keepdims=True)
    return x * ops.rsqrt(ops.maximum(squared_norm, MIN_SQUARED_NORM))
