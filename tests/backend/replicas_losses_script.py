"""Trains each loss alone and on several devices, and prints how far they are apart.

    KERAS_BACKEND=… python replicas_losses_script.py DEVICES LOSS …

On PyTorch `torch.distributed.run` starts it once for each device. What is compared
are the weights after two steps of SGD, that is the gradients, with what a loss keeps.
A plain model is not synchronised by Keras on PyTorch, so there it is left out.
"""

import itertools
import sys

from replicas_devices import BACKEND, on_devices, own_rows

import keras
import numpy as np
from exported_losses import CLASSES, EXPORTED, make, y_true

from keras_refcal import RefCalModel

BATCH = 12
MODELS = ("refcal",) if BACKEND == "torch" else ("refcal", "plain")
RATES = {"sum_over_batch_size": 0.1, "sum": 0.1 / BATCH}


def make_model(kind):
    keras.utils.set_random_seed(0)
    encoder = keras.Sequential([keras.Input((6,)), keras.layers.Dense(8, "tanh")])
    if kind == "refcal":
        return RefCalModel(encoder, CLASSES, projection_dim=CLASSES)
    return keras.Sequential([encoder, keras.layers.Dense(CLASSES, "softmax")])


def trained(rows, name, kind, reduction):
    """Returns weights, state and the loss of two steps on the rows of this process."""
    loss = make(name, reduction=reduction)
    model = make_model(kind)
    model.compile(keras.optimizers.SGD(RATES[reduction]), loss)
    generator = np.random.default_rng(0)
    inputs = generator.normal(size=(BATCH, 6)).astype("float32")
    labels = y_true(loss, generator.integers(0, CLASSES, BATCH))
    weights = generator.random(BATCH).astype("float32")
    inputs, labels, weights = (rows(array) for array in (inputs, labels, weights))
    options = {"batch_size": len(inputs), "shuffle": False, "verbose": 0}
    history = model.fit(inputs, labels, sample_weight=weights, epochs=2, **options)
    return [np.array(history.history["loss"]), *model.get_weights()]


names = sys.argv[2:] or list(EXPORTED)
cases = list(itertools.product(names, MODELS, RATES))
alone = {case: trained(lambda rows: rows, *case) for case in cases}
with on_devices():
    for case in cases:
        pairs = zip(alone[case], trained(own_rows, *case), strict=True)
        gap = max(
            float(np.max(np.abs(a - b) / (1 + np.abs(a)), initial=0)) for a, b in pairs
        )
        sys.stdout.write(f"GAP {'-'.join(case)} {gap:.3g}\n")
        sys.stdout.flush()
