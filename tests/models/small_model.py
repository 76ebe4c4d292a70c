"""A `RefCalModel` on six numbers, with data to train it on."""

import keras
import numpy as np

from keras_refcal import RefCalModel

CLASSES = 4


def make(seed=0, dropout=0.0, functional=False, **options):
    """Returns a model whose weights depend on the seed alone."""
    keras.utils.set_random_seed(seed)
    encoder = keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Dense(8, activation="relu", name="first"),
            keras.layers.Dropout(dropout),
            keras.layers.Dense(8, name="second"),
        ]
    )
    if functional:
        encoder = keras.Model(encoder.inputs[0], encoder.outputs[0])
    return RefCalModel(encoder, CLASSES, projection_dim=CLASSES, **options)


def data(samples=12):
    """Returns inputs, shape `(samples, 6)`, and class ids, shape `(samples,)`."""
    generator = np.random.default_rng(0)
    labels = generator.integers(0, CLASSES, samples)
    return generator.normal(size=(samples, 6)).astype("float32"), labels


def weights(layer):
    """Returns copies of the weights of a layer or model."""
    return [np.array(w) for w in layer.get_weights()]


def moved(before, layer):
    """Returns how far the weights of a layer are from what they were, at most."""
    now = weights(layer)
    return max(np.max(np.abs(a - b)) for a, b in zip(before, now, strict=True))


def check_equal(ours, theirs, atol=1e-6):
    """Asserts that two lists of weights are equal."""
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, atol=atol)
