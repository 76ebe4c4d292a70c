"""RefCal: in two stages, as published, jointly, or for the long tail."""

import dataclasses

from keras_refcal.losses import BalancedSoftmaxLoss, RefCalLoss
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
    """Returns all three terms in one fit, with the published weights."""
    loss = RefCalLoss(weights="published")
    return (Stage("joint", loss, views=2, **scale.joint.options()),)


def refcal(scale, class_counts) -> tuple[Stage, ...]:
    """Returns RefCal for long-tailed data, which refines first and then calibrates.

    Balanced softmax and a light contrastive term, in one fit on one mildly augmented
    view an image, for three times the epochs of a baseline and with five times its
    weight decay. Of a validation part, cut by class, it takes the epoch whose log-loss
    after a temperature is the least, and the calibrator that does best in
    cross-validation, every class weighted alike; the model that is saved ends with it.
    """
    return _for_long_tails(scale, class_counts, **_REFINE_THEN_CALIBRATE)


def refcal_control(scale, class_counts) -> tuple[Stage, ...]:
    """Returns `refcal` without its contrastive term: balanced softmax, else alike."""
    return _for_long_tails(
        scale, class_counts, refinement=None, **_REFINE_THEN_CALIBRATE
    )


def refcal_plus(scale, class_counts) -> tuple[Stage, ...]:
    """Returns `refcal` without a validation part: the last epoch, not calibrated.

    It comes out overconfident, and wants a temperature afterwards, see
    `keras-refcal calibrate`.
    """
    return _for_long_tails(scale, class_counts)


_REFINE_THEN_CALIBRATE = {"select": "refinement", "calibrator": "auto"}


def _for_long_tails(
    scale, class_counts, refinement="supervised_contrastive", **options
):
    loss = RefCalLoss(
        BalancedSoftmaxLoss(class_counts),
        calibration=None,
        refinement=refinement,
        refinement_weight=0.1,
    )
    phase = dataclasses.replace(
        scale.end_to_end, epochs=3 * scale.end_to_end.epochs, milestones=(), l2=5e-4
    )
    return (Stage("joint", loss, augmentation="mild", **phase.options(), **options),)
