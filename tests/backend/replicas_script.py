"""Fits one model alone and on several devices, and prints how far they are apart.

    KERAS_BACKEND=… python replicas_script.py DEVICES

The model on several devices is fitted twice, whole and in micro-batches. On PyTorch
`torch.distributed.run` starts it once for each device.
"""

import json
import sys

from replicas_devices import BACKEND, DEVICES, on_devices

import keras
import numpy as np

if BACKEND == "torch":
    import torch.distributed as dist

from keras_refcal import RefCalModel
from keras_refcal.losses import RefCalLoss
from keras_refcal.metrics import ExpectedCalibrationError

STEPS, BATCH = 3, 8


def make(micro_batch_size=None):
    keras.utils.set_random_seed(0)
    layers = [
        keras.Input((6,)),
        keras.layers.Dense(8, activation="tanh", kernel_regularizer="l2"),
    ]
    model = RefCalModel(
        keras.Sequential(layers),
        num_classes=3,
        projection_dim=4,
        micro_batch_size=micro_batch_size,
    )
    model.compile(
        keras.optimizers.SGD(0.1, momentum=0.9),
        RefCalLoss(),
        metrics=["accuracy", ExpectedCalibrationError()],
    )
    return model


def train(model, arrays, batch_size):
    """Returns the logs of training, and the judgement afterwards."""
    x, y, weight = arrays
    options = {"sample_weight": weight, "batch_size": batch_size, "verbose": 0}
    fitted = model.fit(x, y, epochs=2, shuffle=False, **options).history
    judged = model.evaluate(x, y, return_dict=True, **options)
    return {name: values[-1] for name, values in fitted.items()}, judged


def train_together(arrays, micro_batch_size):
    """Returns a model and its logs, trained on all devices."""
    model = make(micro_batch_size)
    if BACKEND != "torch":
        return model, *train(model, arrays, BATCH)
    shards = [_shard(array, dist.get_rank()) for array in arrays]
    logs, judged = train(model, shards, BATCH // DEVICES)
    # The logs of an epoch are those of the own shard, but for the losses.
    return model, {k: v for k, v in logs.items() if k.endswith("loss")}, judged


def _shard(array, rank):
    batches = array.reshape(STEPS, DEVICES, -1, *array.shape[1:])
    return batches[:, rank].reshape(-1, *array.shape[1:])


def largest_gap(ours, alone):
    return max(abs(ours[name] - alone[name]) for name in ours)


generator = np.random.default_rng(0)
data = (
    generator.normal(size=(STEPS * BATCH, 6)).astype("float32"),
    generator.integers(0, 3, STEPS * BATCH),
    generator.random(STEPS * BATCH).astype("float32"),
)
alone = make()
logs, judged = train(alone, data, BATCH)
# Two micro-batches on each of two devices, the second one smaller.
# One group of processes for both: a second one may find the addresses of the first.
with on_devices():
    for micro_batch_size in (None, 3):
        model, shared_logs, shared_judged = train_together(data, micro_batch_size)
        pairs = zip(alone.get_weights(), model.get_weights(), strict=True)
        gaps = {
            "weights": max(float(np.abs(a - b).max()) for a, b in pairs),
            "logs": largest_gap(shared_logs, logs),
            "judged": largest_gap(shared_judged, judged),
        }
        # One write, which those of other processes cannot divide.
        sys.stdout.write(f"GAPS {json.dumps(gaps)}\n")
        sys.stdout.flush()
