"""TensorFlow as the library of the data pipelines, on every backend."""

import functools

import keras


@functools.cache
def tensorflow():
    """Returns the `tensorflow` module, imported at the first call.

    Where another backend trains, TensorFlow keeps to the CPU: it would otherwise
    reserve the memory of every GPU.

    Raises:
        ImportError: If TensorFlow is missing.
    """
    try:
        import tensorflow as tf
    except ImportError as error:
        raise ImportError(
            "The data pipelines of keras_refcal need TensorFlow. Install `tensorflow` "
            "or `tensorflow-cpu`."
        ) from error
    if keras.backend.backend() != "tensorflow":
        tf.config.set_visible_devices([], "GPU")
    return tf
