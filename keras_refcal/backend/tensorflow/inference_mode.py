"""A layer in inference mode on TensorFlow."""

import keras
import tensorflow as tf


def inference(layer):
    """Returns a function of arrays that runs a layer in inference mode.

    Under a `tf.distribute` strategy it runs once, in the process that calls it.

    Args:
        layer: A built layer or model with one output.
    """
    run = tf.function(lambda x: layer(x, training=False), reduce_retracing=True)
    return lambda x: run(keras.tree.map_structure(tf.convert_to_tensor, x)).numpy()
