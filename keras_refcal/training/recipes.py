"""Recipes: the stages of a method, with the hyper-parameters of small runs."""

from collections.abc import Callable

from keras_refcal.losses import CrossEntropyLoss, RefCalLoss
from keras_refcal.training.stages import Stage
from keras_refcal.training.two_stage import fit_stages

Recipe = tuple[Stage, ...]


def refcal(epochs: int, classifier_epochs: int, batch_size: int = 64) -> Recipe:
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
        warmup_epochs=min(5, epochs // 4),
        views=2,
        metrics=(),
    )
    classifier = Stage(
        name="classifier",
        loss=RefCalLoss(refinement=None),
        epochs=classifier_epochs,
        batch_size=batch_size,
        learning_rate=0.1,
        l2=0.0,
        freeze_encoder=True,
    )
    return refinement, classifier


def refcal_joint(epochs: int, classifier_epochs: int, batch_size: int = 64) -> Recipe:
    """Returns RefCal in one fit with all three terms, as long as both stages."""
    joint = Stage(
        name="joint",
        loss=RefCalLoss(),
        epochs=epochs + classifier_epochs // 2,
        batch_size=batch_size,
        views=2,
    )
    return (joint,)


def cross_entropy(epochs: int, classifier_epochs: int, batch_size: int = 64) -> Recipe:
    """Returns cross-entropy that sees as many images as RefCal's two stages."""
    stage = Stage(
        name="cross_entropy",
        loss=RefCalLoss(CrossEntropyLoss(), calibration=None, refinement=None),
        epochs=2 * epochs + classifier_epochs,
        batch_size=batch_size,
    )
    return (stage,)


def two_stage(
    model, x, y=None, *, epochs=100, classifier_epochs=30, batch_size=64, **arguments
):
    """Trains a `RefCalModel` as RefCal does: first the encoder, then the classifier.

    Args:
        model: A `RefCalModel`.
        x: Images, shape `(n, height, width, channels)` or
            `(n, views, height, width, channels)`, or a batched data set of images and
            labels. Two augmented views an image serve best, see `data.two_views`.
        y: Class ids, shape `(n,)`, if `x` is an array.
        epochs: Epochs of the encoder.
        classifier_epochs: Epochs of the classifier on the frozen encoder.
        batch_size: Images a step, if `x` is an array.
        **arguments: `classifier_x`, the data of the second stage if it is not `x`, and
            arguments of `model.fit`.

    Returns:
        `{"refinement": History, "classifier": History}`.

    Raises:
        ValueError: If the model is no `RefCalModel`, or the steps of an epoch are not
            known.

    Example:

    >>> import keras
    >>> import numpy as np
    >>> from keras_refcal import RefCalModel, recipes
    >>> encoder = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8)])
    >>> model = RefCalModel(encoder, num_classes=2)
    >>> x, y = np.eye(4, dtype="float32"), np.array([0, 0, 1, 1])
    >>> histories = recipes.two_stage(
    ...     model, x, y, epochs=2, classifier_epochs=1, verbose=0)
    >>> {name: len(history.epoch) for name, history in histories.items()}
    {'refinement': 2, 'classifier': 1}
    """
    stages = refcal(epochs, classifier_epochs, batch_size)
    return fit_stages(model, stages, x, y, **arguments)


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
