"""Several devices of one machine; to be imported before Keras.

The scripts that use it start with `KERAS_BACKEND` set and the number of devices as
their first argument.
"""

import contextlib
import os
import sys

BACKEND, DEVICES = os.environ["KERAS_BACKEND"], int(sys.argv[1])
if BACKEND == "jax":
    os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={DEVICES}"
if BACKEND == "tensorflow":
    import tensorflow as tf

    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0],
        [tf.config.LogicalDeviceConfiguration()] * DEVICES,
    )
import numpy as np  # noqa: E402

if BACKEND == "torch":
    import torch.distributed as dist


@contextlib.contextmanager
def on_devices():
    """Distributes what is built and trained inside over all devices."""
    import keras

    if BACKEND == "tensorflow":
        names = [f"CPU:{number}" for number in range(DEVICES)]
        with tf.distribute.MirroredStrategy(names).scope():
            yield
    elif BACKEND == "jax":
        devices = keras.distribution.list_devices()
        assert len(devices) == DEVICES
        distribution = keras.distribution.DataParallel(devices=devices)
        keras.distribution.set_distribution(distribution)
        yield
    else:
        dist.init_process_group("gloo")
        assert dist.get_world_size() == DEVICES
        yield
        dist.destroy_process_group()


def own_rows(array):
    """Returns the rows of a global batch that this process is given."""
    if BACKEND != "torch":
        return array
    return np.split(array, DEVICES)[dist.get_rank()]
