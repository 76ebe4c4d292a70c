"""Recipes: the stages of a method, with the hyper-parameters of small runs."""

from collections.abc import Callable

from keras_refcal.losses import CrossEntropyLoss, RefCalLoss
from keras_refcal.training.stages import Stage

Recipe = tuple[Stage, ...]


def refcal(epochs: int, classifier_epochs: int, batch_size: int = 128) -> Recipe:
    """Returns RefCal in two stages: contrastive encoder, then calibrated classifier.

    Args:
        epochs: Epochs of the encoder, two views an image.
        classifier_epochs: Epochs of the classifier on the frozen encoder.
        batch_size: Images a step.
    """
    refinement = Stage(
        name="refinement",
        loss=RefCalLoss(classification=None, calibration=None),
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=0.2,
        views=2,
        metrics=(),
    )
    classifier = Stage(
        name="classifier",
        loss=RefCalLoss(refinement=None),
        epochs=classifier_epochs,
        batch_size=batch_size,
        learning_rate=0.5,
        l2=0.0,
        freeze_encoder=True,
    )
    return refinement, classifier


def refcal_joint(epochs: int, classifier_epochs: int, batch_size: int = 128) -> Recipe:
    """Returns RefCal in one fit with all three terms, as long as both stages."""
    joint = Stage(
        name="joint",
        loss=RefCalLoss(),
        epochs=epochs + classifier_epochs // 2,
        batch_size=batch_size,
        views=2,
    )
    return (joint,)


def cross_entropy(epochs: int, classifier_epochs: int, batch_size: int = 128) -> Recipe:
    """Returns cross-entropy that sees as many images as RefCal's two stages."""
    stage = Stage(
        name="cross_entropy",
        loss=RefCalLoss(CrossEntropyLoss(), calibration=None, refinement=None),
        epochs=2 * epochs + classifier_epochs,
        batch_size=batch_size,
    )
    return (stage,)


RECIPES: dict[str, Callable[..., Recipe]] = {
    "refcal": refcal,
    "refcal_joint": refcal_joint,
    "cross_entropy": cross_entropy,
}


def get(name: str, **arguments) -> Recipe:
    """Returns a recipe by name.

    Raises:
        ValueError: If there is no recipe of that name.
    """
    if name not in RECIPES:
        raise ValueError(f"Unknown method {name!r}. Expected one of {sorted(RECIPES)}.")
    return RECIPES[name](**arguments)
