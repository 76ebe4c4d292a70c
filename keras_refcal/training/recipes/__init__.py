"""Recipes: the stages of each method, at the size of a demonstration or as published.

A recipe is a function of a `Scale` (epochs, rates, batches) and of the training
samples of each class; it returns a tuple of `Stage`.
"""

import importlib
import os
import sys
from collections.abc import Callable

from keras_refcal.training.recipes.baselines import BASELINES
from keras_refcal.training.recipes.both_stages import two_stage
from keras_refcal.training.recipes.refcal import (
    refcal,
    refcal_control,
    refcal_joint,
    refcal_plus,
    refcal_two_stage,
)
from keras_refcal.training.recipes.scale import PAPER, Phase, Scale, get_scale, small
from keras_refcal.training.stages import Stage

RECIPES: dict[str, Callable[..., tuple[Stage, ...]]] = {
    "refcal": refcal,
    "refcal_control": refcal_control,
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
    "needs_validation",
    "small",
    "two_stage",
]


def needs_validation(name) -> bool:
    """Returns whether a recipe of this package chooses or calibrates by validation.

    >>> needs_validation("refcal"), needs_validation("cross_entropy")
    (True, False)
    """
    return ":" not in name and any(
        stage.needs_validation for stage in get(name, small(), [1, 1])
    )


def get(name, scale, class_counts) -> tuple[Stage, ...]:
    """Returns the stages of a recipe by name.

    Args:
        name: `"refcal"`, `"refcal_control"`, `"refcal_plus"`, `"refcal_joint"`,
            `"refcal_two_stage"`, or the name of a baseline, trained end to end with
            one loss. `"module:function"` is a function of your own, which takes scale
            and class counts; the working directory is looked in too.
        scale: A `Scale`: `small()` or `PAPER`.
        class_counts: Training samples of each class.

    Raises:
        ValueError: If there is no recipe of that name, or it returns no stages.
        ImportError: If the module cannot be imported.

    >>> [stage.name for stage in get("refcal_two_stage", small(), [10, 5])]
    ['refinement', 'classifier']
    """
    if ":" in name:
        stages = tuple(_function_of_user(name)(scale, class_counts))
        if not stages or not all(isinstance(stage, Stage) for stage in stages):
            raise ValueError(f"{name!r} must return one `Stage` or more: {stages!r}")
        return stages
    if name not in RECIPES:
        raise ValueError(
            f"Unknown method {name!r}. Expected one of {sorted(RECIPES)}, or "
            "module:function."
        )
    return RECIPES[name](scale, class_counts)


def _function_of_user(name):
    module, _, function = name.partition(":")
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    try:
        found = importlib.import_module(module)
    except ValueError as error:
        raise ImportError(f"{name!r} names no module ({error}).") from error
    if not callable(getattr(found, function, None)):
        raise ValueError(f"{module!r} has no function {function!r}.")
    return getattr(found, function)
