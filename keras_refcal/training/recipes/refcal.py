"""RefCal: in two stages, as published, or jointly."""

from keras_refcal.losses import RefCalLoss
from keras_refcal.training.stages import Stage


def refcal_two_stage(scale, class_counts=None) -> tuple[Stage, ...]:
    """Returns the contrastive encoder, then the calibrated classifier on top."""
    refinement = Stage(
        name="refinement",
        loss=RefCalLoss(classification=None, calibration=None),
        views=2,
        metrics=(),
        **scale.encoder.options(),
    )
    classifier = Stage(
        name="classifier",
        loss=RefCalLoss(refinement=None),
        freeze_encoder=True,
        **scale.classifier.options(),
    )
    return refinement, classifier


def refcal_joint(scale, class_counts=None) -> tuple[Stage, ...]:
    """Returns all three terms in one fit."""
    return (Stage("joint", RefCalLoss(), views=2, **scale.joint.options()),)
