"""Random predictions with class labels."""

import numpy as np


def draw(seed, num_samples, num_classes, dtype="float64", decimals=None):
    """Returns labels and probabilities; `decimals` rounds logits to make ties."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, num_classes, num_samples)
    labels[:num_classes] = np.arange(num_classes)[:num_samples]
    logits = generator.normal(size=(num_samples, num_classes)) * 2
    logits[np.arange(num_samples), labels] += 2
    if decimals is not None:
        logits = np.round(logits, decimals)
    return labels, softmax(logits).astype(dtype)


def softmax(logits):
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)
