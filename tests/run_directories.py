"""Writes run directories as `keras-refcal train` leaves them."""

import json

import numpy as np
from random_predictions import draw

COUNTS = [500, 120, 60, 8]
NAMES = ["cat", "dog & co", "<b>frog</b>", "</script><script>window.hacked=1</script>"]
CONFIG = {
    "dataset": "digits",
    "method": "refcal",
    "seeds": [0, 1],
    "imbalance_factor": 0.1,
    "split_sha256": "0123456789abcdef" * 4,
    "class_counts": COUNTS,
    "output_dir": "/somewhere/private",
    "stages": {
        "refcal": [
            {"name": "refinement", "epochs": 3, "views": 2},
            {
                "name": "classifier",
                "epochs": 2,
                "loss": {"class_name": "RefCalLoss", "config": {"refinement": None}},
            },
        ],
        "cross_entropy": [{"name": "cross_entropy", "epochs": 8}],
    },
    "versions": {"keras": "3.10"},
}
HISTORY = {
    "refinement": [{"loss": 3.0 - e, "refinement_loss": 3.0 - e} for e in range(3)],
    "classifier": [{"loss": 0.9, "accuracy": 0.4}, {"loss": 0.5, "accuracy": 0.6}],
}


def write_json(path, value):
    path.write_text(json.dumps(value))


def write_predictions(path, seed=0, samples=300, classes=4, **others):
    """Writes labels and probabilities; the labels do not depend on the seed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    labels, _ = draw(0, samples, classes)
    generator = np.random.default_rng(seed)
    logits = generator.normal(size=(samples, classes)) * 2
    logits[np.arange(samples), labels] += 2
    odds = np.exp(logits)
    np.savez(
        path,
        y_true=labels,
        sample_number=np.arange(samples),
        probabilities=odds / odds.sum(axis=1, keepdims=True),
        **others,
    )


def write_run(directory, images=True):
    """Writes a run of two methods and two seeds; returns its directory."""
    extras = {"class_counts": COUNTS, "class_names": NAMES}
    if images:
        shape = (300, 8, 8, 3)
        extras["images"] = np.random.default_rng(0).integers(0, 255, shape, "uint8")
    for method_seed, method in enumerate(("refcal", "cross_entropy")):
        for seed in (0, 1):
            folder = directory / method / f"seed-{seed}"
            write_predictions(
                folder / "predictions.npz", seed=10 * method_seed + seed, **extras
            )
            write_json(folder / "history.json", HISTORY)
    write_predictions(directory / "predictions.npz", **extras)
    write_json(directory / "config.json", CONFIG)
    figure = {"mean": 0.61, "spread": 0.02, "seeds": [0.59, 0.63]}
    undefined = {"mean": None, "spread": None, "seeds": [None, None]}
    methods = {
        "refcal": {"accuracy": figure, "ece": figure, "accuracy_few": undefined},
        "cross_entropy": {"accuracy": figure | {"mean": 0.5}, "ece": figure},
    }
    write_json(directory / "metrics.json", {"methods": methods, "seeds": [0, 1]})
    return directory
