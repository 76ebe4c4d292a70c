"""Sums that keep counting where float32 alone would stop, at 16.7 million.

A running sum is two float32 numbers, the sum and what rounding took from it, together
47 bits. Both are additive, so replicas may add theirs. What is added is computed in
float64, inside `backend.double_precision()`.
"""

from keras_refcal.ops import counting_in_keras
from keras_refcal.types import Tensor


def add(state: Tensor, increment: Tensor, xp=counting_in_keras) -> Tensor:
    """Returns the state after adding `increment`, shape `(2, ...)`.

    Args:
        state: Sum and remainder, shape `(2, ...)`.
        increment: float64 of shape `(...)`.
        xp: `counting_in_keras`, or `counting_in_numpy` for arrays.
    """
    return xp.advance(state, increment)


def merge(state: Tensor, other: Tensor) -> Tensor:
    """Returns the sum of two states, shape `(2, ...)`."""
    return add(state, value(other))


def value(state: Tensor) -> Tensor:
    """Returns the sum that a state of shape `(2, ...)` stands for, in float64."""
    double = counting_in_keras.double
    return double(state[0]) + double(state[1])
