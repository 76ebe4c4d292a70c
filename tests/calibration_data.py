"""Predictions of a model that is too sure of itself, and models that make them."""

import keras
import numpy as np


def overconfident(seed=0, samples=400, classes=4, sharpness=3.0):
    """Returns labels drawn from softmax(z), and the logits sharpness * z."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(size=(samples, classes)) * 1.5
    odds = np.exp(logits)
    odds /= odds.sum(axis=1, keepdims=True)
    thresholds = np.cumsum(odds, axis=1)
    labels = np.sum(generator.random((samples, 1)) > thresholds, axis=1)
    return np.minimum(labels, classes - 1), (sharpness * logits).astype("float32")


def softmax(logits):
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)


def nll(labels, probabilities):
    probabilities = keras.ops.convert_to_numpy(probabilities).astype("float64")
    return -np.mean(np.log(probabilities[np.arange(len(labels)), labels]))


def linear_model(activation, columns=4, features=4):
    """Returns a functional model whose logits are its inputs, mixed."""
    inputs = keras.Input((features,))
    return keras.Model(
        inputs, keras.layers.Dense(columns, activation=activation)(inputs)
    )
