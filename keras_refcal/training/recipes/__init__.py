"""Recipes: the stages of each method, at the size of a demonstration or as published.

A recipe is a function of a `Scale` (epochs, rates, batches) and of the training
samples of each class; it returns a tuple of `Stage`.
"""

from collections.abc import Callable

from keras_refcal.training.recipes.baselines import BASELINES
from keras_refcal.training.recipes.both_stages import two_stage
from keras_refcal.training.recipes.refcal import (
    refcal_joint,
    refcal_plus,
    refcal_two_stage,
)
from keras_refcal.training.recipes.scale import PAPER, Phase, Scale, get_scale, small
from keras_refcal.training.stages import Stage

RECIPES: dict[str, Callable[..., tuple[Stage, ...]]] = {
    "refcal": refcal_joint,
    "refcal_two_stage": refcal_two_stage,
    "refcal_joint": refcal_joint,
    "refcal_plus": refcal_plus,
    **BASELINES,
}

__all__ = [
    "PAPER",
    "RECIPES",
    "Phase",
    "Scale",
    "get",
    "get_scale",
    "small",
    "two_stage",
]


def get(name, scale, class_counts) -> tuple[Stage, ...]:
    """Returns the stages of a recipe by name.

    Args:
        name: `"refcal_joint"`, which `"refcal"` stands for, `"refcal_two_stage"`,
            `"refcal_plus"`, or the name of a baseline, trained end to end with one
            loss.
        scale: A `Scale`: `small()` or `PAPER`.
        class_counts: Training samples of each class.

    Raises:
        ValueError: If there is no recipe of that name.

    >>> [stage.name for stage in get("refcal_two_stage", small(), [10, 5])]
    ['refinement', 'classifier']
    """
    if name not in RECIPES:
        raise ValueError(f"Unknown method {name!r}. Expected one of {sorted(RECIPES)}.")
    return RECIPES[name](scale, class_counts)
