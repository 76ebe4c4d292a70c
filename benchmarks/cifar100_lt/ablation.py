"""What each part of `refcal_plus` brings, judged on validation images alone.

    python -m benchmarks.cifar100_lt.ablation --recipes=one_view_0.1,refcal_plus \
        --output_dir=runs/ablation

Flags are those of `benchmarks.cifar100_lt`; `--recipes` names variants of this file
or recipes of the package.
The validation part is long-tailed like the training part, so its samples are weighed
to make every class count alike, as on the test images. Writes `ablation.json` and
`ablation.md` into the output directory.
"""

import dataclasses
import functools
import pathlib
import sys

import keras
import numpy as np

from benchmarks.cifar100_lt.__main__ import trained, write
from keras_refcal import data, evaluation, metrics
from keras_refcal.losses import (
    BalancedContrastiveLoss,
    BalancedSoftmaxLoss,
    RefCalLoss,
)
from keras_refcal.training import recipes
from keras_refcal.training.stages import Stage


def variant(
    scale,
    class_counts,
    balanced=False,
    calibration="mdca",
    refinement="supervised_contrastive",
    weight=1.0,
    views=2,
    longer=1,
    **options,
):
    """Returns `refcal_joint` with some of its parts exchanged.

    One view an image and two views an image are as many images seen; `longer`
    multiplies them.
    """
    classification = BalancedSoftmaxLoss(class_counts) if balanced else "cross_entropy"
    if refinement == "balanced_contrastive":
        refinement = BalancedContrastiveLoss(len(class_counts))
    loss = RefCalLoss(classification, calibration, refinement, refinement_weight=weight)
    phase = scale.joint if views == 2 else scale.end_to_end
    phase = dataclasses.replace(phase, epochs=longer * phase.epochs)
    return (Stage("joint", loss, views=views, **phase.options(), **options),)


SHIFT = {"augmentation": "shift_flip"}
PLAIN = {"balanced": True, "calibration": None, **SHIFT}
VARIANTS = {
    "joint_shift_balanced": {"balanced": True, **SHIFT},
    "without_mdca": PLAIN,
    "weight_0.3": PLAIN | {"weight": 0.3},
    "weight_0.1": PLAIN | {"weight": 0.1},
    "balanced_contrastive_0.3": PLAIN
    | {"weight": 0.3, "refinement": "balanced_contrastive"},
    "cross_entropy_shift": SHIFT
    | {"views": 1, "calibration": None, "refinement": None},
    "balanced_softmax_shift": PLAIN | {"views": 1, "refinement": None},
    "one_view_0.1": PLAIN | {"weight": 0.1, "views": 1},
    "one_view_0.1_twice_as_long": PLAIN | {"weight": 0.1, "views": 1, "longer": 2},
}


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
    for name, parts in VARIANTS.items():
        recipes.RECIPES[name] = functools.partial(variant, **parts)
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
