"""Counting on TensorFlow."""

import contextlib

import tensorflow as tf


def sum_by_index(values, index, size):
    """Returns sums of `values`, shape `(n, ...)`, by index, shape `(size, ...)`."""
    return tf.math.unsorted_segment_sum(values, index, size)


def cumsum(values):
    """Returns sums along the last axis, in the type of the values."""
    return tf.cumsum(values, axis=-1)


def fused(function):
    """Returns a pure function of tensors as one call of the backend."""
    graph = tf.function(function, autograph=False, reduce_retracing=True)

    def call(*tensors):
        return (graph if tf.executing_eagerly() else function)(*tensors)

    return call


def assign(variable, value):
    """Sets a variable to a tensor of its shape and type."""
    variable.assign(value)


def double_precision():
    """Returns a context in which float64 is computed with: any, on TensorFlow."""
    return contextlib.nullcontext()


def as_double(values, subnormal=False):
    """Returns float64, if asked to of subnormal numbers too, else read as 0."""
    doubles = tf.cast(values, "float64")
    if not subnormal or values.dtype != tf.float32:
        return doubles
    bits = tf.bitcast(values, tf.int32)
    size = tf.bitwise.bitwise_and(bits, 0x7FFFFFFF)
    tiny = tf.cast(tf.where(bits < 0, -size, size), "float64") * 2.0**-149
    return tf.where(size < 0x00800000, tiny, doubles)


def float32_part(doubles):
    """Returns float64 numbers without the bits that float32 has no room for."""
    # XLA may take a cast and the cast back for nothing; not this.
    bits = tf.bitcast(doubles, tf.int64)
    return tf.bitcast(tf.bitwise.bitwise_and(bits, -(2**29)), tf.float64)


def searchsorted(edges, values, side="left"):
    """Returns the place of each value among edges in ascending order."""
    # Keras' own, before 3.12, asks for the length of a tensor while it is traced.
    return tf.searchsorted(edges, values, side=side)


def first_largest(rows):
    """Returns the column of the largest value of each row, the first of equal ones."""
    return tf.argmax(rows, axis=-1, output_type=tf.int32)
