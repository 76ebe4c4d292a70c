"""Random numbers of a key on TensorFlow."""

import tensorflow as tf


def uniform(key, shape):
    """Returns float32 draws from [0, 1); a key is two whole numbers."""
    return tf.random.stateless_uniform(shape, key)


def split_key(key, count):
    """Returns `count` keys made of one."""
    return tf.unstack(tf.random.split(tf.cast(key, tf.int64), count))


def fold_in(key, number):
    """Returns a key made of one and a whole number."""
    return tf.random.fold_in(tf.cast(key, tf.int64), number)


def key_of_replica(key):
    """Returns a key of this replica's own, whose rows are not those of another."""
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return key
    return fold_in(key, context.replica_id_in_sync_group)
