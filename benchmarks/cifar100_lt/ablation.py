"""What each part of `refcal_plus` brings, judged on validation images alone.

    python -m benchmarks.cifar100_lt.ablation --recipes=joint,shift_flip \
        --output_dir=runs/ablation

Flags are those of `benchmarks.cifar100_lt`; `--recipes` names variants of this file.
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

from benchmarks.cifar100_lt.__main__ import configured, described, load
from keras_refcal import evaluation, metrics
from keras_refcal.files import replacing, write_json
from keras_refcal.losses import (
    BalancedContrastiveLoss,
    BalancedSoftmaxLoss,
    CrossEntropyLoss,
    RefCalLoss,
)
from keras_refcal.training import recipes
from keras_refcal.training.stages import Stage
from keras_refcal.training.train import train


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


def one_view(scale, class_counts, balanced=False, **options):
    """Returns a baseline of one loss with another augmentation."""
    loss = BalancedSoftmaxLoss(class_counts) if balanced else CrossEntropyLoss()
    loss = RefCalLoss(loss, calibration=None, refinement=None)
    return (Stage("end_to_end", loss, **scale.end_to_end.options() | options),)


SHIFT = {"augmentation": "shift_flip"}
PLAIN = {"balanced": True, "calibration": None, **SHIFT}
VARIANTS = {
    "joint": {},
    "joint_shift": SHIFT,
    "joint_shift_balanced": {"balanced": True, **SHIFT},
    "without_mdca": PLAIN,
    "weight_0.3": PLAIN | {"weight": 0.3},
    "weight_0.1": PLAIN | {"weight": 0.1},
    "balanced_contrastive_0.3": PLAIN
    | {"weight": 0.3, "refinement": "balanced_contrastive"},
    "averaged_0.3": PLAIN | {"weight": 0.3, "average_momentum": 0.99},
    "one_view_0.1": PLAIN | {"weight": 0.1, "views": 1},
    "one_view_0.1_twice_as_long": PLAIN | {"weight": 0.1, "views": 1, "longer": 2},
    "refcal_plus": PLAIN | {"weight": 0.1, "views": 1, "longer": 3},
}
BASELINES = {
    "cross_entropy_shift": SHIFT,
    "balanced_softmax_shift": {"balanced": True, **SHIFT},
}


def judge(run):
    """Returns figures of the validation images, every class counting alike."""
    with np.load(run / "validation.npz") as file:
        labels, probabilities = file["y_true"], file["probabilities"]
    sizes = np.bincount(labels, minlength=probabilities.shape[1])
    weight = (len(labels) / len(sizes) / sizes)[labels]
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
    """Returns the figures as a Markdown table, one row a variant and seed."""
    lines = [f"| variant | {' | '.join(FIGURES)} |", "|---" * (1 + len(FIGURES)) + "|"]
    for name, rows in results.items():
        means = [np.mean([row[key] for row in rows]) for key in FIGURES]
        lines.append(f"| {name} | " + " | ".join(f"{m:.4f}" for m in means) + " |")
    return "\n".join(lines)


def main(argv):
    """Runs the variants that `--recipes` names."""
    makers = {name: functools.partial(variant, **v) for name, v in VARIANTS.items()}
    makers |= {name: functools.partial(one_view, **v) for name, v in BASELINES.items()}
    recipes.RECIPES.update(makers)
    config, size = configured(argv)
    named = dataclasses.replace(config, dataset=f"{config.dataset}_{size}x{size}")
    train(named, load(config.dataset, size))
    output_dir = pathlib.Path(config.output_dir)
    results = {
        name: [judge(output_dir / name / f"seed-{seed}") for seed in config.seeds]
        for name in config.recipes
    }
    command = " ".join(["python -m benchmarks.cifar100_lt.ablation", *argv[1:]])
    values = described(command, config, size) | {"results": results}
    write_json(output_dir / "ablation.json", values)
    with replacing(output_dir / "ablation.md") as temporary:
        temporary.write_text(f"`{command}`\n\n{table(results)}\n")
    print(table(results))


if __name__ == "__main__":
    main(sys.argv)
