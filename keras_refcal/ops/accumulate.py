"""Sums that keep counting where float32 alone would stop, at 16.7 million.

A running sum is two float32 numbers: the sum, and what rounding took from it so far.
Both are additive, so replicas may add theirs; the value is their sum.
"""

from keras import ops

from keras_refcal.types import Tensor


def accumulate(state: Tensor, increment: Tensor, xp=ops) -> Tensor:
    """Returns the state after adding `increment`, shape `(2, ...)`.

    Args:
        state: Sum and remainder, shape `(2, ...)`.
        increment: Shape `(...)`.
        xp: `keras.ops`, or `counting_in_numpy` for arrays.
    """
    total, remainder = state[0], state[1]
    new_total = total + increment
    # Exact where the sum exceeds the increment (Dekker 1971), as it does from the
    # second batch on; until then an error is one rounding.
    lost = increment - (new_total - total)
    return xp.stack([new_total, remainder + lost])


def merge(state: Tensor, other: Tensor) -> Tensor:
    """Returns the sum of two states of any size, shape `(2, ...)`."""
    first, second = state[0], other[0]
    total = first + second
    part = total - first
    lost = (first - (total - part)) + (second - part)
    return ops.stack([total, state[1] + other[1] + lost])


def value(state: Tensor) -> Tensor:
    """Returns the sum that a state of shape `(2, ...)` stands for."""
    return state[0] + state[1]
