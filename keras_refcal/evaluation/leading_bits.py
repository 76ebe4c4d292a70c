"""The bits of numbers of 0 or more, which as integers keep their order."""

import numpy as np

NUM_KEYS = 2**14  # that `leading_bits` of numbers below 2 can have


def ordered_bits(values):
    """Returns unsigned integers in the order of float32 or float64 numbers."""
    positive = values + values.dtype.type(0)  # -0.0 is 0.0
    return positive.view(f"uint{8 * values.itemsize}")


def leading_bits(values):
    """Returns the leading 16 bits of each number, uint16 of the same shape."""
    bits = ordered_bits(values)
    return (bits >> bits.dtype.type(8 * bits.itemsize - 16)).astype(np.uint16)
