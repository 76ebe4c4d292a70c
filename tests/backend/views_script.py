"""Makes views of one image on every device, and prints how many differ.

    KERAS_BACKEND=… python views_script.py DEVICES

On PyTorch `torch.distributed.run` starts it once for each device.
"""

import sys

from replicas_devices import BACKEND, on_devices

import keras
import numpy as np

from keras_refcal import RefCalModel
from keras_refcal.backend import global_batch

IMAGES = np.tile(np.random.default_rng(0).random((1, 8, 8, 3), "float32"), (4, 1, 1, 1))


def logits(model):
    """Returns the logits of the views that one device makes, `(4, 2, classes)`."""
    return model(IMAGES, training=True, return_outputs=True)["logits"]


def gathered(model):
    if BACKEND != "tensorflow":
        return global_batch(logits(model))
    import tensorflow as tf

    strategy = tf.distribute.get_strategy()
    run = tf.function(lambda: strategy.run(lambda: global_batch(logits(model))))
    return strategy.experimental_local_results(run())[0]


with on_devices():
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Flatten(), keras.layers.Dense(8)]
    encoder = keras.Sequential([keras.Input((8, 8, 3)), *layers])
    model = RefCalModel(encoder, 3, augmentation="affine", views=2)
    rows = keras.ops.convert_to_numpy(gathered(model)).reshape(-1, 3)
    sys.stdout.write(f"DISTINCT {len(np.unique(rows, axis=0))} of {len(rows)}\n")
    sys.stdout.flush()
