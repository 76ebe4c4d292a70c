"""Seeds: pairs of integers, as TensorFlow's stateless draws take."""

from keras_refcal.backend.data_library import tensorflow


def split(seed, count):
    """Returns `count` seeds made of one, the same ones for 32-bit and 64-bit integers.

    >>> [seed.shape.rank for seed in split((0, 1), 3)]
    [1, 1, 1]
    """
    tf = tensorflow()
    return tf.unstack(tf.random.split(tf.cast(seed, tf.int64), count))
