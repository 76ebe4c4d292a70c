"""Draws the pictures of the concept page from saved predictions.

    python docs/concepts_pictures.py

A logistic regression on the digits of the long-tailed draw: its scores times three,
its scores with the temperature that fits the test images best (for a picture, not for
a result), and the overall accuracy as every confidence. The answers are the same ones.
"""

import os
import pathlib

os.environ.setdefault("KERAS_BACKEND", "torch")

import matplotlib.figure
import numpy as np
from sklearn.linear_model import LogisticRegression

from keras_refcal import data
from keras_refcal.report import plots

IMAGES = pathlib.Path(__file__).parent / "images"


def classifiers():
    """Returns right answers and the confidence in them, by what they show."""
    digits = data.load("digits").long_tailed(0.1)
    train, test = (
        data.scaled(images).reshape(len(images), -1)
        for images in (digits.train_images, digits.test_images)
    )
    model = LogisticRegression(C=10.0, max_iter=2000).fit(train, digits.train_labels)
    logits = model.decision_function(test)
    labels = digits.test_labels
    right = logits.argmax(axis=1) == labels
    temperatures = np.geomspace(0.2, 10, 200)
    losses = [-np.log(softmax(logits / t))[np.arange(len(labels)), labels].mean()
              for t in temperatures]  # fmt: skip
    best = temperatures[int(np.argmin(losses))]
    confident = softmax(3 * logits).max(axis=1)
    calibrated = softmax(logits / best).max(axis=1)
    return right, {
        "overconfident": confident,
        "calibrated and refined": calibrated,
        "calibrated, not refined": np.full(len(right), right.mean()),
    }


def softmax(logits):
    """Returns probabilities, rows of shape `(classes,)`."""
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)


def main():
    """Writes the picture."""
    right, confidences = classifiers()
    figure = matplotlib.figure.Figure(figsize=(11, 6.4), layout="constrained")
    axes = figure.subplots(2, len(confidences))
    for column, (title, confidence) in enumerate(confidences.items()):
        reliability(axes[0, column], confidence, right, title)
        histogram(axes[1, column], confidence, right)
    plots.save(figure, IMAGES / "concepts.png")


def reliability(ax, confidence, right, title):
    """Draws the accuracy of ten bins of confidence."""
    edges = np.linspace(0, 1, 11)
    bins = np.clip(np.ceil(10 * confidence).astype(int) - 1, 0, 9)
    counts = np.bincount(bins, minlength=10)
    accuracy = np.bincount(bins, right, 10) / np.maximum(counts, 1)
    mean = np.bincount(bins, confidence, 10) / np.maximum(counts, 1)
    gap = float(np.sum(counts * np.abs(accuracy - mean)) / len(right))
    ax.bar(edges[:-1], accuracy, 0.1, align="edge", color="#4c78a8", edgecolor="white")
    ax.plot([0, 1], [0, 1], "--", color="#555555")
    ax.set(title=f"{title}\nECE {gap:.3f}", xlim=(0, 1), ylim=(0, 1))
    ax.set(xlabel="confidence", ylabel="accuracy")


def histogram(ax, confidence, right):
    """Draws how often right and wrong answers have which confidence."""
    edges = np.linspace(0, 1, 21)
    for chosen, label, colour in (
        (right, "right", "#54a24b"),
        (~right, "wrong", "#e45756"),
    ):
        share = np.full(chosen.sum(), 1 / chosen.sum())
        ax.hist(confidence[chosen], edges, weights=share, alpha=0.6, label=label, color=colour)  # fmt: skip  # noqa: E501
    ax.set(xlabel="confidence", ylabel="share of the answers", xlim=(0, 1))
    ax.legend(loc="upper left")


if __name__ == "__main__":
    main()
