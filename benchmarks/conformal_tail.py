"""Coverage gap over classes and size of conformal sets on long-tailed predictions.

    KERAS_BACKEND=torch python -m benchmarks.conformal_tail

Two networks trained on long-tailed CIFAR-10 (`shared/data/logits`), and a DenseNet on
CIFAR-100 (`shared/data/predictions`) whose probabilities are moved to the class shares
of a tail of factor 0.01, a stand-in for a network that was trained on it. Half of the
balanced test images set the thresholds, the others judge them; five halves. Of 50
images a class, as in CIFAR-100, chance alone makes a gap of 0.034.
"""

import warnings

import numpy as np

from benchmarks import harness, sheets
from keras_refcal.decisions import ConformalSets
from keras_refcal.evaluation.acting import SetsResult

COVERAGE = 0.9
KINDS = {
    "thr": {},
    "pas": {"score": "pas"},
    "thr by cluster": {"condition": "cluster"},
    "thr by class": {"condition": "class"},
    "thr, half by class": {"condition": "class", "interpolation": 0.5},
    "pas, half by class": {
        "score": "pas",
        "condition": "class",
        "interpolation": 0.5,
    },
}


def softmax(logits):
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)


def sources():
    """Yields a name, labels, probabilities and training samples of each class."""
    folder = sheets.folder()
    for network in ("densenet40", "wide_resnet28"):
        with np.load(folder / "logits" / f"cifar10_lt_{network}.npz") as file:
            counts = np.bincount(file["val_labels"])
            logits = file["test_logits"].astype("float64")
            yield (
                f"CIFAR-10-LT, {network}",
                file["test_labels"],
                softmax(logits),
                counts,
            )
    path = folder / "predictions" / "netcal_densenet-bc-100-cifar-100.npz"
    with np.load(path) as file:
        labels = file["ground_truth"]
        probabilities = np.maximum(file["predictions"].astype("float64"), 1e-12)
    counts = np.round(500 * 0.01 ** (np.arange(100) / 99))
    # 2.3 is the best temperature; then the prior of the tail.
    moved = softmax(np.log(probabilities) / 2.3 + np.log(counts))
    yield "CIFAR-100, moved to a tail", labels, moved, counts


def measure(labels, p, counts):
    """Returns the mean gap, size and coverage of each kind of sets."""
    found = {kind: [] for kind in KINDS}
    for seed in range(5):
        fit, judge = np.split(np.random.default_rng(seed).permutation(len(p)), 2)
        for kind, options in KINDS.items():
            options = dict(options)
            if options.get("score") == "pas":
                options["class_counts"] = counts.astype(int).tolist()
            layer = ConformalSets(COVERAGE, **options).fit(labels[fit], p[fit])
            sets = np.asarray(layer(p[judge].astype("float32")))
            covered = sets[np.arange(len(judge)), labels[judge]]
            result = SetsResult(kind, labels[judge], covered, sets.sum(axis=1))
            gap = result.coverage_gap(COVERAGE, np.ones(len(judge), bool))
            found[kind].append([gap, result.sizes.mean(), covered.mean()])
    return {
        kind: np.mean(rows, axis=0).round(4).tolist() for kind, rows in found.items()
    }


def main():
    """Prints and writes what every source gives."""
    warnings.simplefilter("ignore")
    results = {}
    for name, labels, p, counts in sources():
        results[name] = measure(labels, p, counts)
        gap, size, _ = results[name]["thr"]
        print(
            f"\n{name:28s} {'gap':>8s} {'of thr':>7s} {'size':>7s} {'of thr':>7s} cover"
        )
        for kind, row in results[name].items():
            ratios = row[0] / gap, row[1] / size
            print(
                f"{kind:28s} {row[0]:8.4f} {ratios[0]:7.2f} {row[1]:7.2f} "
                f"{ratios[1]:7.2f} {row[2]:.3f}"
            )
    harness.write_result("conformal_tail", {"gap_size_coverage": results})


if __name__ == "__main__":
    main()
