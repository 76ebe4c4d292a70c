"""What losses for long-tailed data compute once from the number of samples a class."""

import numpy as np


def ldam_margins(class_counts, max_margin: float) -> np.ndarray:
    """Returns margins proportional to `n_c^(-1/4)`, the greatest `max_margin`."""
    margins = np.asarray(class_counts, "float64") ** -0.25
    return max_margin * margins / margins.max()


def log_priors(class_counts) -> np.ndarray:
    """Returns the logarithm of each class' share of the training samples."""
    counts = np.asarray(class_counts, "float64")
    return np.log(counts / counts.sum())


def effective_number_weights(class_counts, beta: float) -> np.ndarray:
    """Returns `(1 - beta) / (1 - beta^n_c)`, scaled to sum to the number of classes.

    Args:
        class_counts: Positive numbers n_c.
        beta: Number in [0, 1); 0 weighs all classes alike.
    """
    counts = np.asarray(class_counts, "float64")
    if beta == 0:
        return np.ones_like(counts)
    weights = -1 / np.expm1(counts * np.log(beta))
    return weights * len(counts) / weights.sum()


def label_aware_smoothing(class_counts, head: float, tail: float, shape="concave"):
    """Returns MiSLAS' smoothing of each class, from `tail` (rarest) to `head`.

    Args:
        class_counts: Positive numbers.
        head: Smoothing of the most frequent class.
        tail: Smoothing of the least frequent class.
        shape: `"concave"`, `"linear"` or `"convex"` in the number of samples.
    """
    counts = np.asarray(class_counts, "float64")
    spread = counts.max() - counts.min()
    position = (counts - counts.min()) / spread if spread else np.ones_like(counts)
    if shape == "concave":
        position = np.sin(position * np.pi / 2)
    elif shape == "convex":
        position = 1 + np.sin((3 + position) * np.pi / 2)
    return tail + (head - tail) * position
