"""Counting on JAX."""

import jax
import jax.numpy as jnp

try:
    from jax import enable_x64
except ImportError:  # before JAX 0.8
    from jax.experimental import enable_x64


def sum_by_index(values, index, size):
    """Returns sums of `values`, shape `(n, ...)`, by index, shape `(size, ...)`."""
    return jax.ops.segment_sum(values, index, size)


def cumsum(values):
    """Returns sums along the last axis, in the type of the values."""
    return jnp.cumsum(values, axis=-1)


def fused(function):
    """Returns a pure function of tensors as one call of the backend."""
    return jax.jit(function)


def assign(variable, value):
    """Sets a variable to a tensor of its shape and type."""
    variable.assign(value)


def double_precision():
    """Returns a context in which float64 is computed with, traced or not."""
    return enable_x64(True)


def as_double(values, subnormal=False):
    """Returns float64, if asked to of subnormal numbers too, which XLA reads as 0."""
    doubles = values.astype("float64")
    if not subnormal or values.dtype != "float32":
        return doubles
    bits = jax.lax.bitcast_convert_type(values, jnp.int32)
    size = bits & 0x7FFFFFFF
    tiny = jnp.where(bits < 0, -size, size).astype("float64") * 2.0**-149
    return jnp.where(size < 0x00800000, tiny, doubles)


def float32_part(doubles):
    """Returns float64 numbers without the bits that float32 has no room for."""
    # XLA may take a cast and the cast back for nothing; not this.
    return jax.lax.reduce_precision(doubles, exponent_bits=8, mantissa_bits=23)


def first_largest(rows):
    """Returns the column of the largest value of each row, the first of equal ones."""
    return jax.lax.argmax(rows, rows.ndim - 1, jnp.int32)
