"""The replicas of a `tf.distribute` strategy."""

import keras
import tensorflow as tf

# What `all_gather` takes; labels may be bytes, and embeddings bfloat16.
GATHERED = (tf.float16, tf.float32, tf.float64, tf.int32, tf.int64)


def global_batch(values):
    """Returns tensors with the rows of every replica, the same ones on each.

    Gradients flow back to the replica that a row came from.

    Args:
        values: A nest of tensors, shape `(batch, ...)`, and `None`.
    """
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return values

    def gathered(x):
        if x is None:
            return None
        # A gather over workers asks for the device of a tensor; arguments have none.
        on_device = tf.identity(x)
        everywhere = context.all_gather(_as_gathered(on_device), axis=0)
        everywhere = tf.ensure_shape(everywhere, (None, *x.shape[1:]))
        return tf.cast(everywhere, on_device.dtype)

    return keras.tree.map_structure(gathered, values)


def _as_gathered(x):
    if x.dtype in GATHERED:
        return x
    return tf.cast(x, tf.float32 if x.dtype.is_floating else tf.int64)


def num_replicas():
    """Returns how many replicas share a batch, by which Keras divides every loss."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def sum_over_processes(variables):
    """Leaves the variables as they are: a strategy sums them when they are read."""
