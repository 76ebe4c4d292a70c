"""One of several workers of `MultiWorkerMirroredStrategy`; prints its weights.

    TF_CONFIG=… python workers_script.py FILE

Without `TF_CONFIG` it trains alone. All workers read the same long-tailed pipeline.
"""

import os
import sys

os.environ["KERAS_BACKEND"] = "tensorflow"

import contextlib

import tensorflow as tf

if "TF_CONFIG" in os.environ:
    # Before anything else starts TensorFlow's runtime.
    scope = tf.distribute.MultiWorkerMirroredStrategy().scope
else:
    scope = contextlib.nullcontext

import keras
import numpy as np

from keras_refcal import RefCalModel, data
from keras_refcal.losses import RefCalLoss
from keras_refcal.metrics import ExpectedCalibrationError

keras.utils.set_random_seed(0)
generator = np.random.default_rng(0)
images = generator.integers(0, 256, (48, 4, 4, 1), "uint8")
labels = np.arange(48) % 4
sampler = data.PKSampler(labels, 4, 3)
batches = data.TrainingBatches(images, labels, 12, lambda x, seed: x, sampler=sampler)
with scope():
    encoder = keras.Sequential(
        [keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(8, "tanh")]
    )
    model = RefCalModel(encoder, num_classes=4, projection_dim=4)
    model.compile(
        keras.optimizers.SGD(0.1), RefCalLoss(), metrics=[ExpectedCalibrationError()]
    )
history = model.fit(
    batches.from_epoch(0), steps_per_epoch=batches.steps_per_epoch, epochs=2, verbose=0
).history
judged = model.evaluate(images / 255.0, labels, 12, verbose=0, return_dict=True)
logs = {name: values[-1] for name, values in history.items()}
np.savez(
    sys.argv[1],
    *model.get_weights(),
    logs=[logs[name] for name in sorted(logs)],
    judged=[judged[name] for name in sorted(judged)],
)
