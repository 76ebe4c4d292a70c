"""Brings together a row of each device, of every type that labels or outputs have.

    KERAS_BACKEND=… python types_script.py DEVICES

On PyTorch `torch.distributed.run` starts it once for each device.
"""

import json
import sys

from replicas_devices import BACKEND, on_devices

import keras

from keras_refcal.backend import global_batch

TYPES = ("bool", "uint8", "int8", "int16", "int32", "int64")
TYPES += ("float16", "bfloat16", "float32")


def row(number, dtype):
    return keras.ops.cast([[number, number]], dtype)


def gathered(dtype):
    """Returns the rows of all devices, in the order of the devices."""
    if BACKEND == "torch":
        import torch.distributed as dist

        return global_batch(row(dist.get_rank(), dtype))
    import tensorflow as tf

    strategy = tf.distribute.get_strategy()

    @tf.function
    def on_replicas():
        def of_replica():
            number = tf.distribute.get_replica_context().replica_id_in_sync_group
            return global_batch(row(number, dtype))

        return strategy.run(of_replica)

    return strategy.experimental_local_results(on_replicas())[0]


with on_devices():
    for name in TYPES:
        rows = gathered(name)
        assert BACKEND == "torch" or keras.backend.standardize_dtype(rows.dtype) == name
        values = keras.ops.convert_to_numpy(keras.ops.cast(rows, "int32")).tolist()
        sys.stdout.write(f"ROWS {name} {json.dumps(values)}\n")
        sys.stdout.flush()
