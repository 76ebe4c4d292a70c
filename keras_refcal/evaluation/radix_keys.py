"""The bits of numbers, which as integers keep their order."""

import numpy as np

NUM_KEYS = 2**14  # that `radix_keys` of numbers below 2 can have


def ordered_bits(values):
    """Returns unsigned integers in the order of float32 or float64, 0 or more."""
    positive = values + values.dtype.type(0)  # -0.0 is 0.0
    return positive.view(f"uint{8 * values.itemsize}")


def signed_bits(values):
    """Returns int64 in the order of float64 numbers of either sign."""
    bits = (values + 0.0).view("int64")
    return bits ^ ((bits >> 63) & np.int64(2**63 - 1))


def radix_keys(values):
    """Returns the leading 16 bits of numbers of 0 or more, uint16 of their shape."""
    bits = ordered_bits(values)
    return (bits >> bits.dtype.type(8 * bits.itemsize - 16)).astype(np.uint16)
