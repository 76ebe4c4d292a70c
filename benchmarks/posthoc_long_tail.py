"""What calibrators that know the tail gain over temperature scaling.

    python benchmarks/posthoc_long_tail.py --logits=DIRECTORY --output=FILE.json

Fits on the long-tailed validation logits of two published networks, trained on CIFAR-10
with an imbalance, and evaluates on their balanced test logits. Each calibrator is
fitted twice: as the validation data are, and with every class weighted alike
(`class_weight="balanced"`).
"""

import argparse
import json
import pathlib
import platform
import time
import warnings

import keras
import numpy as np

from keras_refcal import layers
from keras_refcal.evaluation import evaluate
from keras_refcal.files import as_json
from keras_refcal.ops.class_groups import third_groups

NETWORKS = ("densenet40", "wide_resnet28")
FIGURES = ("accuracy", "ece", "nll", "brier")


def calibrators(counts):
    """Returns name to a new calibrator."""
    return {
        "temperature": layers.TemperatureScaling(),
        "group temperature": layers.GroupTemperatureScaling(counts, groups="thirds"),
        "class-aware temperature": layers.ClassDistributionAwareTemperature(counts),
        "vector": layers.VectorScaling(),
        "Dirichlet": layers.DirichletCalibration(),
        "isotonic": layers.IsotonicCalibration(fallback=False),
        "histogram": layers.HistogramBinning(fallback=False),
        "Bayesian binning": layers.BayesianBinning(fallback=False),
        "beta": layers.BetaCalibration(fallback=False),
    }


def figures_of(labels, probabilities, counts):
    """Returns figures over all classes and the ECE of the rarest third."""
    probabilities = np.asarray(keras.ops.convert_to_numpy(probabilities), "float64")
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    found = evaluate(labels, probabilities)
    tail = third_groups(counts)["tail"][labels]
    of_tail = evaluate(labels[tail], probabilities[tail])
    return {
        **{name: found[name] for name in FIGURES},
        "tail_accuracy": of_tail["accuracy"],
        "tail_ece": of_tail["ece"],
        "tail_nll": of_tail["nll"],
    }


def measure(path):
    """Returns the rows of one network."""
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    # The validation part has the profile of the training part.
    counts = np.bincount(arrays["val_labels"], minlength=10)
    softmax = keras.ops.softmax(arrays["test_logits"])
    rows = {"none": figures_of(arrays["test_labels"], softmax, counts)}
    for name in calibrators(counts):
        for weight in (None, "balanced"):
            layer = calibrators(counts)[name]
            start = time.perf_counter()
            layer.fit(arrays["val_labels"], arrays["val_logits"], class_weight=weight)
            seconds = time.perf_counter() - start
            found = figures_of(
                arrays["test_labels"], layer(arrays["test_logits"]), counts
            )
            title = f"{name}, balanced" if weight else name
            rows[title] = {**found, "fit_seconds": seconds}
    return {"validation_counts": counts.tolist(), "rows": rows}


def main():
    """Measures, prints and writes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--logits", required=True, type=pathlib.Path)
    parser.add_argument("--output", required=True, type=pathlib.Path)
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    results = {
        "networks": {
            name: measure(arguments.logits / f"cifar10_lt_{name}.npz")
            for name in NETWORKS
        },
        "versions": {
            "python": platform.python_version(),
            "keras": keras.__version__,
            "numpy": np.__version__,
            "backend": keras.backend.backend(),
        },
    }
    arguments.output.write_text(json.dumps(as_json(results), indent=2) + "\n")
    for name, found in results["networks"].items():
        print(f"\n{name}, validation {found['validation_counts']}")
        keys = (*FIGURES, "tail_accuracy", "tail_ece", "tail_nll")
        print(f"{'':<34}" + "".join(f"{key:>14}" for key in keys))
        for title, row in found["rows"].items():
            print(f"{title:<34}" + "".join(f"{row[key]:>14.4f}" for key in keys))


if __name__ == "__main__":
    main()
