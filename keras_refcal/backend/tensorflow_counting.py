"""Counting on TensorFlow."""

import tensorflow as tf


def sum_by_index(values, index, size):
    """Returns sums of `values`, shape `(n, ...)`, by index, shape `(size, ...)`."""
    return tf.math.unsorted_segment_sum(values, index, size)


def fused(function):
    """Returns a pure function of tensors as one call of the backend."""
    graph = tf.function(function, autograph=False, reduce_retracing=True)

    def call(*tensors):
        return (graph if tf.executing_eagerly() else function)(*tensors)

    return call


def searchsorted(edges, values, side="left"):
    """Returns the place of each value among edges in ascending order."""
    # Keras' own, before 3.12, asks for the length of a tensor while it is traced.
    return tf.searchsorted(edges, values, side=side)
