"""Recipes for the ablation and the controls, made of those of the package."""

import dataclasses
import functools

from keras_refcal.losses import (
    BalancedContrastiveLoss,
    BalancedSoftmaxLoss,
    RefCalLoss,
)
from keras_refcal.training import recipes
from keras_refcal.training.stages import Stage


def joint(
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


def changed(scale, class_counts, recipe, longer=1, **options):
    """Returns the one stage of a recipe of the package, some fields exchanged.

    It sees `longer` times the images that a baseline sees.
    """
    (stage,) = recipes.RECIPES[recipe](scale, class_counts)
    epochs = longer * scale.end_to_end.epochs
    return (dataclasses.replace(stage, epochs=epochs, **options),)


SHIFT = {"augmentation": "shift_flip"}
PLAIN = {"balanced": True, "calibration": None, **SHIFT}
# What `refcal_plus` has beyond its loss: longer training, milder augmentation and, in
# the second, more weight decay.
LONG = {"longer": 3, "augmentation": "mild"}
LONG_DECAYED = LONG | {"l2": 5e-4}
STRONG = {"l2": 5e-4, "augmentation": "trivial_augment"}
PROTOTYPES = PLAIN | LONG_DECAYED | {"views": 1, "refinement": "balanced_contrastive"}
JOINT = {
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
    # `refcal_plus` with a learned vector of each class among the contrasts.
    "plus_prototypes_0.1": PROTOTYPES | {"weight": 0.1},
    "plus_prototypes_0.3": PROTOTYPES | {"weight": 0.3},
}
CHANGED = {
    "balanced_softmax_long": {"recipe": "balanced_softmax", **LONG},
    "crl_long": {"recipe": "crl", **LONG},
    "balanced_softmax_long_decayed": {"recipe": "balanced_softmax", **LONG_DECAYED},
    "crl_long_decayed": {"recipe": "crl", **LONG_DECAYED},
    "plus_l2_1e-4": {"recipe": "refcal_plus", "longer": 3, "l2": 1e-4},
    # As long as a baseline, or three times, with the images changed more.
    "plus_short": {"recipe": "refcal_plus"},
    "plus_strong_short": {"recipe": "refcal_plus", **STRONG},
    "plus_strong": {"recipe": "refcal_plus", "longer": 3, **STRONG},
    "balanced_softmax_strong_short": {"recipe": "balanced_softmax", **STRONG},
    "crl_strong_short": {"recipe": "crl", **STRONG},
}


def register():
    """Makes the variants known by their names, as `--recipes` takes them."""
    for make, table in ((joint, JOINT), (changed, CHANGED)):
        for name, parts in table.items():
            recipes.RECIPES[name] = functools.partial(make, **parts)
