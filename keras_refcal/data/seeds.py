"""Seeds of draws, and the arrays that go with them.

In a `tf.data` pipeline a seed is a pair of integers, as TensorFlow's stateless draws
take. In a step on the device that trains it is a `DeviceSeed`.
"""

import keras

from keras_refcal import backend
from keras_refcal.data import device_arrays


class DeviceSeed(keras.random.SeedGenerator):
    """A seed of one batch, in a step on the device.

    It stands where Keras takes a generator, as in
    `keras.random.uniform(shape, seed=seed)`, and gives the same numbers whenever it is
    made of the same key.

    Args:
        key: Two whole numbers, a tensor.
    """

    def __init__(self, key):
        # Without `super().__init__`: there is no state, which is the point.
        self.key = key
        self._count = 0

    def next(self, ordered=True):
        """Returns the next key."""
        self._count += 1
        return backend.fold_in(self.key, self._count)


def arrays(seed):
    """Returns the module that computes what a seed is drawn for."""
    if isinstance(seed, DeviceSeed):
        return device_arrays
    from keras_refcal.data import pipeline_arrays

    return pipeline_arrays
