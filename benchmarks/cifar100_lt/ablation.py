"""What each part of `refcal_plus` brings, judged on validation images alone.

    python -m benchmarks.cifar100_lt.ablation --recipes=one_view_0.1,refcal_plus \
        --output_dir=runs/ablation

Flags are those of `benchmarks.cifar100_lt`; `--recipes` names recipes of the package
or of `variants.py`.
The validation part is long-tailed like the training part, so its samples are weighed
to make every class count alike, as on the test images. Writes `ablation.json` and
`ablation.md` into the output directory.
"""

import pathlib
import sys

import keras
import numpy as np

from benchmarks.cifar100_lt.__main__ import trained, write
from keras_refcal import data, evaluation, metrics


def judge(run):
    """Returns figures of the validation images, every class counting alike."""
    with np.load(run / "validation.npz") as file:
        labels, probabilities = file["y_true"], file["probabilities"]
    sizes = np.bincount(labels, minlength=probabilities.shape[1])
    weight = data.class_weights(sizes)[labels]
    measures = {
        "accuracy": keras.metrics.SparseCategoricalAccuracy(),
        "ece": metrics.ExpectedCalibrationError(),
        "nll": keras.metrics.SparseCategoricalCrossentropy(),
        "aurc": metrics.AreaUnderRiskCoverage(),
    }
    for measure in measures.values():
        measure.update_state(labels, probabilities, weight)
    figures = {name: float(measure.result()) for name, measure in measures.items()}
    # The area between two classes does not depend on how many samples each has.
    figures["refinement"] = evaluation.evaluate(labels, probabilities)["refinement"]
    return figures


FIGURES = ("accuracy", "refinement", "ece", "nll", "aurc")


def table(results):
    """Returns the figures as a Markdown table, means over seeds, one row a variant."""
    lines = [f"| variant | {' | '.join(FIGURES)} |", "|---" * (1 + len(FIGURES)) + "|"]
    for name, rows in results.items():
        means = [np.mean([row[key] for row in rows]) for key in FIGURES]
        lines.append(f"| {name} | " + " | ".join(f"{m:.4f}" for m in means) + " |")
    return "\n".join(lines)


def main(argv):
    """Runs the variants that `--recipes` names."""
    config, size = trained(argv)
    output_dir = pathlib.Path(config.output_dir)
    results = {
        name: [judge(output_dir / name / f"seed-{seed}") for seed in config.seeds]
        for name in config.recipes
    }
    command = " ".join(["python -m benchmarks.cifar100_lt.ablation", *argv[1:]])
    write("ablation", command, config, size, table(results), results=results)


if __name__ == "__main__":
    main(sys.argv)
