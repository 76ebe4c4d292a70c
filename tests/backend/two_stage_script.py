"""Trains in two stages alone and on several devices, and prints the largest gaps.

    KERAS_BACKEND=… python two_stage_script.py DEVICES

On PyTorch `torch.distributed.run` starts it once for each device.
"""

import sys

from replicas_devices import BACKEND, DEVICES, on_devices, own_rows

import keras
import numpy as np

from keras_refcal import RefCalModel, recipes
from keras_refcal.models import encode

BATCH, BATCHES = 8, 6
# Not all of a batch, nor divisible by the number of devices.
ENCODED = 5


def trained(images, labels, batch_size):
    """Returns what came of two stages, as arrays."""
    keras.utils.set_random_seed(0)
    layers = [keras.Input((6,)), keras.layers.Dense(8, "tanh")]
    model = RefCalModel(keras.Sequential(layers), num_classes=3, projection_dim=4)
    options = {"batch_size": batch_size, "shuffle": False, "verbose": 0}
    epochs = {"epochs": 4, "classifier_epochs": 3}
    histories = recipes.two_stage(model, images, labels, **epochs, **options)
    losses = [np.array(h.history["loss"]) for h in histories.values()]
    features = encode(model, inputs[:ENCODED])["features"]
    return [*model.get_weights(), *losses, features]


def own_batches(array):
    """Returns this process' share of each batch, one share after the other."""
    return np.concatenate([own_rows(batch) for batch in np.split(array, BATCHES)])


generator = np.random.default_rng(0)
inputs = generator.normal(size=(BATCH * BATCHES, 6)).astype("float32")
classes = generator.integers(0, 3, len(inputs))
alone = trained(inputs, classes, BATCH)
with on_devices():
    own = BATCH // DEVICES if BACKEND == "torch" else BATCH
    together = trained(own_batches(inputs), own_batches(classes), own)
    gaps = [
        float(np.max(np.abs(a - b) / (1 + np.abs(a))))
        for a, b in zip(alone, together, strict=True)
    ]
    sys.stdout.write(f"GAP {max(gaps)}\n")
    sys.stdout.flush()
