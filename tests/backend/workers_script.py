"""One of several workers of `MultiWorkerMirroredStrategy`; keeps its weights and logs.

    TF_CONFIG=… python workers_script.py FILE

Without `TF_CONFIG` it trains alone. Each worker reads its share of every batch.
"""

import os
import sys

os.environ["KERAS_BACKEND"] = "tensorflow"

import contextlib

import tensorflow as tf

alone = "TF_CONFIG" not in os.environ
if not alone:
    # Before anything else starts TensorFlow's runtime.
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
scope = contextlib.nullcontext if alone else strategy.scope

import keras
import numpy as np

from keras_refcal import RefCalModel, data
from keras_refcal.losses import RefCalLoss

keras.utils.set_random_seed(0)
generator = np.random.default_rng(0)
images = generator.integers(0, 256, (48, 4, 4, 1), "uint8")
labels = np.arange(48) % 4


def batches(process, of):
    return data.TrainingBatches(
        images,
        labels,
        12,
        data.augment.identity,
        sampler=data.PKSampler(labels, 4, 3),
        shard=(process, of),
    ).from_epoch(0)


with scope():
    encoder = keras.Sequential(
        [keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(8, "tanh")]
    )
    model = RefCalModel(encoder, num_classes=4, projection_dim=4)
    model.compile(keras.optimizers.SGD(0.1), RefCalLoss(), metrics=["accuracy"])
    model.optimizer.build(model.trainable_variables)

if alone:
    shares = batches(0, 1)
else:
    shares = strategy.distribute_datasets_from_function(
        lambda context: batches(context.input_pipeline_id, context.num_input_pipelines)
    )
logs = model.fit(shares, epochs=2, steps_per_epoch=4, shuffle=False, verbose=0).history
judged = model.evaluate(shares, steps=4, verbose=0, return_dict=True)
judged = {f"judged_{name}": value for name, value in judged.items()}
np.savez(sys.argv[1], *model.get_weights(), **logs, **judged)
