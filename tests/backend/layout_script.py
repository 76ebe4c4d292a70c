"""Trains with the heads divided among devices, for JAX; prints layouts and gaps."""

import os

os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=4"

import keras
import numpy as np

from keras_refcal import RefCalModel, models
from keras_refcal.losses import RefCalLoss


def trained():
    keras.utils.set_random_seed(0)
    encoder = keras.Sequential([keras.Input((6,)), keras.layers.Dense(8, "tanh")])
    model = RefCalModel(encoder, num_classes=4, projection_dim=4)
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), RefCalLoss())
    generator = np.random.default_rng(0)
    inputs = generator.normal(size=(24, 6)).astype("float32")
    labels = generator.integers(0, 4, 24)
    options = {"batch_size": 8, "shuffle": False, "verbose": 0}
    losses = model.fit(inputs, labels, epochs=2, **options).history["loss"]
    return model, np.array(losses), model.predict(inputs, batch_size=8, verbose=0)


alone, losses, probabilities = trained()
mesh = keras.distribution.DeviceMesh(
    (2, 2), ["batch", "model"], keras.distribution.list_devices()
)
keras.distribution.set_distribution(
    keras.distribution.ModelParallel(
        layout_map=models.layout_map(mesh), batch_dim_name="batch"
    )
)
model, shared_losses, shared_probabilities = trained()
pairs = zip(alone.get_weights(), model.get_weights(), strict=True)
print("GAP", max(float(np.abs(a - b).max()) for a, b in pairs))
print("GAP", float(np.abs(losses - shared_losses).max()))
print("GAP", float(np.abs(probabilities - shared_probabilities).max()))
for weight in model.weights:
    print("SHARDING", weight.path, weight.value.sharding.spec)
