"""Trains each loss alone and on several devices, and prints how far they are apart.

    KERAS_BACKEND=… python replicas_losses_script.py DEVICES LOSS …

On PyTorch `torch.distributed.run` starts it once for each device. What is compared
are the weights after two steps of SGD, that is the gradients, with what a loss keeps.
"""

import sys

from replicas_devices import on_devices, own_rows

import keras
import numpy as np
from exported_losses import CLASSES, EXPORTED, make, y_true

from keras_refcal import RefCalModel

BATCH = 12


def trained(name, rows):
    """Returns weights, state and the loss of two steps on the rows of this process."""
    loss = make(name)
    keras.utils.set_random_seed(0)
    encoder = keras.Sequential([keras.Input((6,)), keras.layers.Dense(8, "tanh")])
    model = RefCalModel(encoder, CLASSES, projection_dim=CLASSES)
    model.compile(keras.optimizers.SGD(0.1), loss)
    generator = np.random.default_rng(0)
    inputs = generator.normal(size=(BATCH, 6)).astype("float32")
    labels = y_true(loss, generator.integers(0, CLASSES, BATCH))
    weights = generator.random(BATCH).astype("float32")
    inputs, labels, weights = (rows(array) for array in (inputs, labels, weights))
    options = {"batch_size": len(inputs), "shuffle": False, "verbose": 0}
    history = model.fit(inputs, labels, sample_weight=weights, epochs=2, **options)
    return [np.array(history.history["loss"]), *model.get_weights()]


names = sys.argv[2:] or list(EXPORTED)
alone = {name: trained(name, lambda rows: rows) for name in names}
with on_devices():
    for name in names:
        together = trained(name, own_rows)
        pairs = zip(alone[name], together, strict=True)
        gap = max(
            float(np.max(np.abs(a - b) / (1 + np.abs(a)), initial=0)) for a, b in pairs
        )
        sys.stdout.write(f"GAP {name} {gap:.3g}\n")
        sys.stdout.flush()
