"""Ten steps of plain SGD on fixed weights and batches, for any backend."""

import keras
import numpy as np

from keras_refcal import RefCalModel
from keras_refcal.losses import RefCalLoss


def run():
    """Returns the loss of each step and the weights at the end."""
    generator = np.random.default_rng(0)
    model = _model()
    model.set_weights([_weight(generator, w.shape, w.path) for w in model.weights])
    model.compile(
        keras.optimizers.SGD(0.05, momentum=0.9), RefCalLoss(weights="published")
    )
    losses = []
    for _ in range(10):
        images = generator.random((16, 2, 8, 8, 1), "float32")
        labels = generator.integers(0, 4, 16)
        logs = model.train_on_batch(images, labels, return_dict=True)
        losses.append(float(logs["loss"]))
        model.reset_metrics()
    return np.array(losses), model.get_weights()


def _model():
    layers = keras.layers
    encoder = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(8, 3, padding="same"),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Conv2D(16, 3, strides=2),
            layers.GlobalAveragePooling2D(),
        ]
    )
    return RefCalModel(encoder, num_classes=4, projection_dim=8)


def _weight(generator, shape, path):
    if path.endswith(("gamma", "moving_variance")):
        return np.ones(shape, "float32")
    fan_in = max(1, int(np.prod(shape[:-1])))
    return generator.normal(0, fan_in**-0.5, shape).astype("float32")
