"""Calibration errors of 50,000 predictions of 100 classes, in one call.

    KERAS_BACKEND=torch python -m benchmarks.calibration_error

Top-label ECE stands beside torchmetrics, classwise and adaptive ECE beside a dense
reference: the published formulas as a loop over bins and classes with masks.
"""

import itertools
import os

os.environ.setdefault("KERAS_BACKEND", "torch")

import numpy as np
import torch
import torchmetrics

from benchmarks.harness import claim, median_ms, write_result
from keras_refcal import evaluation, metrics

BACKENDS = ("torch",)  # the peers run there; `evaluation` is NumPy on all
SAMPLES, CLASSES, BINS = 50_000, 100, 15


def predictions(samples=SAMPLES, num_classes=CLASSES):
    """Returns labels and float32 probabilities of a classifier that is often right."""
    generator = np.random.default_rng(0)
    labels = generator.integers(0, num_classes, samples)
    logits = 2 * generator.standard_normal((samples, num_classes), "float32")
    logits[np.arange(samples), labels] += 4
    powers = np.exp(logits)
    return labels, powers / powers.sum(axis=1, keepdims=True)


def binned_gap(probability, event, edges):
    """Returns the sum over bins (a, b] of their share times their gap."""
    error = torch.zeros(())
    for low, high in itertools.pairwise(edges):
        inside = (probability > low) & (probability <= high)
        share = inside.float().mean()
        if share > 0:
            gap = probability[inside].mean() - event[inside].float().mean()
            error = error + gap.abs() * share
    return error


def classwise_reference(labels, probabilities):
    """Mean over classes of the ECE of the class's probability, equal widths."""
    edges = torch.linspace(0, 1, BINS + 1)
    columns = range(probabilities.shape[1])
    errors = [binned_gap(probabilities[:, k], labels == k, edges) for k in columns]
    return torch.stack(errors).mean()


def adaptive_reference(labels, probabilities):
    """As classwise, with bins of equally many samples of each class."""
    errors = []
    starts = torch.arange(BINS) * (len(labels) // BINS)
    for k in range(probabilities.shape[1]):
        column = probabilities[:, k]
        edges = torch.cat([column.sort().values[starts], torch.ones(1)])
        errors.append(binned_gap(column, labels == k, edges))
    return torch.stack(errors).mean()


def measure(labels, probabilities):
    """Returns milliseconds and figures of ours and the peers, in one process."""
    y, p = torch.tensor(labels), torch.tensor(probabilities)
    peer = torchmetrics.classification.MulticlassCalibrationError(CLASSES, BINS)

    def torchmetrics_ece():
        peer.reset()
        peer.update(p, y)
        return peer.compute()

    def exact(name):
        return evaluation.evaluate(labels, probabilities, scores=[name])[name]

    def streamed(metric):
        metric.reset_state()
        metric.update_state(y, p)
        return metric.result()

    top, classwise = (
        metrics.ExpectedCalibrationError(),
        metrics.StaticCalibrationError(),
    )
    functions = {
        "torchmetrics ECE": torchmetrics_ece,
        "evaluation ECE": lambda: exact("ece"),
        "metric ECE": lambda: streamed(top),
        "dense reference classwise": lambda: classwise_reference(y, p),
        "evaluation classwise": lambda: exact("classwise_ece"),
        "metric classwise": lambda: streamed(classwise),
        "dense reference adaptive": lambda: adaptive_reference(y, p),
        "evaluation adaptive": lambda: exact("ace"),
    }
    figures = {name: round(float(run()), 6) for name, run in functions.items()}
    return median_ms(functions, repeats=11, warmup=1, pause=0.02), figures


def main(argv=None):
    """Measures, writes the result and prints where it lies."""
    times, figures = measure(*predictions())

    def of(text, ours, peer, target):
        return claim(text, times[ours], times[peer], target, "ms")

    claims = [
        of(
            "top-label ECE against torchmetrics",
            "evaluation ECE",
            "torchmetrics ECE",
            1,
        ),
        of(
            "classwise ECE against the dense reference",
            "evaluation classwise",
            "dense reference classwise",
            30,
        ),
        of(
            "adaptive ECE against the dense reference",
            "evaluation adaptive",
            "dense reference adaptive",
            10,
        ),
    ]
    result = {
        "samples": SAMPLES,
        "num_classes": CLASSES,
        "num_bins": BINS,
        "milliseconds": {name: round(value, 2) for name, value in times.items()},
        "figures": figures,
        "claims": claims,
    }
    print(write_result("calibration_error", result))


if __name__ == "__main__":
    main()
