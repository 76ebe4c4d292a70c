"""One of several workers of `MultiWorkerMirroredStrategy`; prints its weights.

    TF_CONFIG=… python workers_script.py FILE

Without `TF_CONFIG` it trains alone. All workers read the same long-tailed pipeline.
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
sampler = data.PKSampler(labels, 4, 3)
batches = data.TrainingBatches(images, labels, 12, lambda x, seed: x, sampler=sampler)
with scope():
    encoder = keras.Sequential(
        [keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(8, "tanh")]
    )
    model = RefCalModel(encoder, num_classes=4, projection_dim=4)
    model.compile(keras.optimizers.SGD(0.1), RefCalLoss())
    model.optimizer.build(model.trainable_variables)

# Keras' own `fit` cannot reduce its logs over several workers.
strategy = tf.distribute.get_strategy() if alone else strategy
steps = 2 * batches.steps_per_epoch
shares = strategy.experimental_distribute_dataset(batches.from_epoch(0).take(steps))
step = tf.function(lambda batch: strategy.run(model.train_step, args=(batch,)))
for batch in shares:
    step(batch)
np.savez(sys.argv[1], *model.get_weights())
