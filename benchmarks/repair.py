"""Log-loss and time of calibrators beside probmetrics, on predictions of real networks.

    taskset -c 0 python -m benchmarks.repair --data=shared/data [--auto]

Needs `pip install -e ".[bench]"`. Each set of predictions is split into halves five
times: one is fitted to, the other judged. Both packages see the same halves, one after
the other, in one process and one thread; time is the processor's. `--auto` compares
what `keras-refcal calibrate --method=auto` takes as well.
"""

import argparse
import collections
import functools
import os
import pathlib
import time
import warnings

os.environ["KERAS_BACKEND"] = "torch"  # which probmetrics needs; fits are NumPy alone

import keras
import numpy as np
import torch
from probmetrics.calibrators import get_calibrator
from probmetrics.calibrators.logistic import VectorScalingCalibrator
from probmetrics.calibrators.temperature_scaling import ETSCalibrator

from benchmarks.harness import write_result
from keras_refcal import layers
from keras_refcal.training.cross_validation import cross_validate, make_calibrator

SPLITS = 5
# A map a class, in five-fold cross-validation, takes long where classes are many.
ONE_VERSUS_REST, MOST_CLASSES = ("beta", "isotonic", "Venn-Abers"), 50
FILES = {
    "densenet_cifar100": "predictions/netcal_densenet-bc-100-cifar-100.npz",
    "vgg16_cifar10": "predictions/verified_calibration_vgg16_cifar10.npz",
    "imdb": "predictions/label_errors_imdb.npz",
    "densenet40_cifar10_lt": "logits/cifar10_lt_densenet40.npz",
    "wide_resnet28_cifar10_lt": "logits/cifar10_lt_wide_resnet28.npz",
}
LABELS = ("ground_truth", "labels", "val_labels")
SCORES = ("predictions", "probabilities", "val_logits")
OURS = {
    "temperature": layers.TemperatureScaling,
    "Laplace temperature": layers.LaplaceTemperatureScaling,
    "ensemble temperature": layers.EnsembleTemperatureScaling,
    "structured vector": layers.StructuredVectorScaling,
    "structured matrix": layers.StructuredMatrixScaling,
    "vector": layers.VectorScaling,
    "matrix": layers.MatrixScaling,
    "Dirichlet": layers.DirichletCalibration,
    "beta": layers.BetaCalibration,
    "isotonic": layers.IsotonicCalibration,
    "Venn-Abers": layers.VennAbersCalibration,
}
THEIRS = {
    "temperature": functools.partial(get_calibrator, "temp-scaling"),
    "Laplace temperature": functools.partial(get_calibrator, "ts-mix"),
    "ensemble temperature": functools.partial(ETSCalibrator, "ce"),
    "structured vector": functools.partial(get_calibrator, "svs"),
    "structured matrix": functools.partial(get_calibrator, "sms"),
    "vector": VectorScalingCalibrator,
    "isotonic": functools.partial(get_calibrator, "isotonic"),
    "logistic": functools.partial(get_calibrator, "logistic"),
}


def read(path):
    """Returns labels and probabilities of a file, whatever its arrays are called."""
    with np.load(path) as file:
        labels = next(file[name] for name in LABELS if name in file)
        name = next(name for name in SCORES if name in file)
        scores = file[name].astype("float64")
    if "logits" in name:
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
    probabilities = scores / scores.sum(axis=1, keepdims=True)
    return labels.reshape(-1).astype("int64"), probabilities


def fit_ours(make, labels, probabilities):
    """Returns a function of probabilities."""
    layer = make(from_logits=False).fit(labels, probabilities)
    return lambda p: keras.ops.convert_to_numpy(layer(p))


def fit_theirs(make, labels, probabilities):
    """Returns a function of probabilities."""
    calibrator = make()
    calibrator.fit(probabilities, labels)
    return calibrator.predict_proba


def fit_auto(labels, probabilities):
    """Returns a function of probabilities, and the method that was taken."""
    best = cross_validate(labels, probabilities).best
    layer = make_calibrator(best)
    layer.fallback = False
    if best != "identity":
        layer.fit(labels, probabilities)
    return lambda p: keras.ops.convert_to_numpy(layer(p)), best


def losses(probabilities, labels):
    """Returns the negative log-likelihood of each sample, in nats."""
    of_label = probabilities[np.arange(len(labels)), labels].astype("float64")
    return -np.log(np.maximum(of_label, 1e-30))


def measure(labels, p, with_auto):
    """Returns the figures of each method of a package, and what `auto` took."""
    rows, taken = collections.defaultdict(list), []
    for seed in range(SPLITS):
        order = np.random.default_rng(seed).permutation(len(labels))
        first, second = np.array_split(order, 2)
        inside, outside = (labels[first], p[first]), (p[second], labels[second])
        found = {}
        for fit, methods in ((fit_ours, OURS), (fit_theirs, THEIRS)):
            for name, make in methods.items():
                if name in ONE_VERSUS_REST and p.shape[1] > MOST_CLASSES:
                    continue
                start = time.process_time()
                mapped = fit(make, *inside)
                seconds = time.process_time() - start
                of_each = losses(mapped(outside[0]), outside[1])
                found[f"{name} ({fit.__name__[4:]})"] = of_each, seconds
        if with_auto:
            start = time.process_time()
            mapped, best = fit_auto(*inside)
            seconds = time.process_time() - start
            found["auto (ours)"] = losses(mapped(outside[0]), outside[1]), seconds
            taken.append(best)
        rival = found["temperature (ours)"][0]
        for name, (of_each, seconds) in found.items():
            excess = of_each - rival
            error = max(excess.std() / np.sqrt(len(excess)), 1e-12)
            rows[name].append((of_each.mean(), excess.mean() / error, seconds))
    columns = ("nll", "errors_above_temperature", "fit_seconds")
    means = {name: np.mean(each, axis=0) for name, each in rows.items()}
    table = {n: dict(zip(columns, m.tolist(), strict=True)) for n, m in means.items()}
    return {"samples": len(labels), "classes": p.shape[1], "rows": table, "auto": taken}


def show(name, found):
    """Prints the table of one set of predictions, the least loss first."""
    print(f"\n{name}: {found['samples']} samples, {found['classes']} classes")
    print(f"{'':<30}{'log-loss':>10}{'errors':>9}{'seconds':>9}")
    for title, row in sorted(found["rows"].items(), key=lambda item: item[1]["nll"]):
        nll, errors, seconds = row.values()
        print(f"{title:<30}{nll:>10.5f}{errors:>9.2f}{seconds:>9.3f}", flush=True)
    if found["auto"]:
        print("auto took", *found["auto"])


def main():
    """Measures, prints and writes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, type=pathlib.Path)
    parser.add_argument("--auto", action="store_true")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    results = {}
    for name, path in FILES.items():
        found = measure(*read(arguments.data / path), arguments.auto)
        results[name] = found
        show(name, found)
    print(write_result("repair", {"splits": SPLITS, "predictions": results}))


if __name__ == "__main__":
    main()
