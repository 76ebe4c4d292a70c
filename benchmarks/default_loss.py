"""`RefCalLoss()` beside cross-entropy, as a newcomer compiles it: how far along it is.

    KERAS_BACKEND=jax python -m benchmarks.default_loss

All digits, 16 x 16 pixels, a `RefCalModel` of three layers, Adam, batches of 128, one
view an image: accuracy on the test images after 8 epochs and after 30, of the default
weights, the published ones and cross-entropy, mean ± standard deviation of five seeds,
and the paired difference to cross-entropy. The figures of every seed go to
`benchmarks/results/default_loss_<backend>.json`.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from benchmarks.harness import claim, write_result
from keras_refcal import RefCalModel, data
from keras_refcal.losses import RefCalLoss

SEEDS, EPOCHS = range(5), (8, 30)
LOSSES = {
    "cross-entropy": lambda: RefCalLoss(calibration=None, refinement=None),
    "RefCalLoss()": RefCalLoss,
    'RefCalLoss(weights="published")': lambda: RefCalLoss(weights="published"),
}


def model():
    """Returns a `RefCalModel` of two convolutions and a dense layer."""
    layers = keras.layers
    encoder = keras.Sequential(
        [
            keras.Input((16, 16, 1)),
            layers.Conv2D(16, 3, strides=2, activation="relu"),
            layers.Conv2D(32, 3, strides=2, activation="relu"),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
        ]
    )
    return RefCalModel(encoder, num_classes=10)


def accuracies(make_loss, digits, seed):
    """Returns the test accuracy after each of `EPOCHS`."""
    (x, y), (x_test, y_test) = digits
    keras.utils.set_random_seed(seed)
    network = model()
    network.compile("adam", loss=make_loss(), metrics=["accuracy"])
    found, done = [], 0
    for epochs in EPOCHS:
        network.fit(x, y, batch_size=128, epochs=epochs, initial_epoch=done, verbose=0)
        done = epochs
        predicted = network.predict(x_test, verbose=0).argmax(-1)
        found.append(float(np.mean(predicted == y_test)))
    return found


def digits():
    """Returns images `(n, 16, 16, 1)` in [0, 1] and labels, for training and test."""
    found = data.load("digits")
    return [
        (np.repeat(np.repeat(images, 2, 1), 2, 2).astype("float32") / 255, labels)
        for images, labels in (
            (found.train_images, found.train_labels),
            (found.test_images, found.test_labels),
        )
    ]


def main():
    """Measures, writes the result and prints the table."""
    sets, rows = digits(), {}
    for name, make in LOSSES.items():
        rows[name] = [accuracies(make, sets, seed) for seed in SEEDS]
        print(name, *rows[name], flush=True)
    base = np.array(rows["cross-entropy"])
    for name, found in rows.items():
        found = 100 * np.array(found)
        cells = [
            f"{mean:.1f} ± {spread:.1f} ({difference:+.1f})"
            for mean, spread, difference in zip(
                found.mean(0),
                found.std(0, ddof=1),
                (found - 100 * base).mean(0),
                strict=True,
            )
        ]
        print(f"| `{name}` | {' | '.join(cells)} |")
    name = f"default_loss_{keras.backend.backend()}"
    result = {"epochs": EPOCHS, "runs": rows, "claims": claims(rows)}
    print(write_result(name, result))


def claims(rows):
    """Returns lines for the table of claims: wrong answers against cross-entropy's.

    Aimed at: within 2 points after the first length, and no more after the last.
    """
    ours, peer = (
        100 * (1 - np.mean(rows[name], 0)) for name in ("RefCalLoss()", "cross-entropy")
    )
    backend = keras.backend.backend()
    return [
        claim(
            f"{backend}: wrong answers of `RefCalLoss()` after {epochs} epochs, "
            "cross-entropy",
            found,
            other,
            round(other / (other + 2), 2) if epochs == EPOCHS[0] else 1,
            "%",
        )
        for epochs, found, other in zip(EPOCHS, ours, peer, strict=True)
    ]


if __name__ == "__main__":
    main()
