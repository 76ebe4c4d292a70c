"""The methods that RefCal is compared with: one loss, trained end to end.

Weights of penalties are the published ones: 10 for MDCA, 2 for MMCE, 1 for CRL.
"""

from keras_refcal.callbacks import DeferredReweighting
from keras_refcal.losses import (
    ACLSLoss,
    BalancedSoftmaxLoss,
    ClassBalancedLoss,
    CorrectnessRankingLoss,
    CrossEntropyLoss,
    FocalLoss,
    LDAMLoss,
    LogitNormLoss,
    MarginLabelSmoothingLoss,
    MMCELoss,
    RefCalLoss,
)
from keras_refcal.training.stages import Stage

# LDAM-DRW weighs classes in the last fifth of its epochs, 160 of 200 as published.
DEFERRED_SHARE = 0.8


def _end_to_end(scale, classification, calibration=None, weight=1.0, **options):
    loss = RefCalLoss(
        classification, calibration, refinement=None, calibration_weight=weight
    )
    return (Stage("end_to_end", loss, **scale.end_to_end.options(), **options),)


def cross_entropy(scale, class_counts):
    """Returns cross-entropy alone."""
    return _end_to_end(scale, CrossEntropyLoss())


def label_smoothing(scale, class_counts):
    """Returns cross-entropy with a tenth of each label spread over the classes."""
    return _end_to_end(scale, CrossEntropyLoss(label_smoothing=0.1))


def focal_mdca(scale, class_counts):
    """Returns focal loss with MDCA."""
    return _end_to_end(scale, FocalLoss(gamma=2.0), "mdca", weight=10.0)


def mmce(scale, class_counts):
    """Returns cross-entropy with weighted MMCE."""
    return _end_to_end(scale, CrossEntropyLoss(), MMCELoss(), weight=2.0)


def crl(scale, class_counts):
    """Returns cross-entropy with CRL, its history updated."""
    penalty = CorrectnessRankingLoss(num_samples=int(sum(class_counts)))
    return _end_to_end(scale, CrossEntropyLoss(), penalty, with_index=True)


def crl_as_published(scale, class_counts):
    """Returns CRL as RefCal's code runs it: its history stays empty."""
    penalty = CorrectnessRankingLoss(
        num_samples=int(sum(class_counts)), update_history=False
    )
    return _end_to_end(scale, CrossEntropyLoss(), penalty, with_index=True)


def ldam_drw(scale, class_counts):
    """Returns LDAM with deferred re-weighting.

    The published scale of 30 is for cosines; a linear classifier finds its own.
    """
    margin = LDAMLoss(class_counts, scale=1.0)
    loss = ClassBalancedLoss(class_counts, margin, deferred=True)
    start = int(DEFERRED_SHARE * scale.end_to_end.epochs)
    return _end_to_end(scale, loss, callbacks=(DeferredReweighting(start),))


def balanced_softmax(scale, class_counts):
    """Returns balanced softmax."""
    return _end_to_end(scale, BalancedSoftmaxLoss(class_counts))


def logit_norm(scale, class_counts):
    """Returns cross-entropy of logits scaled to unit length."""
    return _end_to_end(scale, LogitNormLoss())


def mbls(scale, class_counts):
    """Returns margin-based label smoothing."""
    return _end_to_end(scale, MarginLabelSmoothingLoss())


def acls(scale, class_counts):
    """Returns ACLS in its authors' form."""
    return _end_to_end(scale, ACLSLoss())


BASELINES = {
    recipe.__name__: recipe
    for recipe in (
        cross_entropy,
        label_smoothing,
        focal_mdca,
        mmce,
        crl,
        crl_as_published,
        ldam_drw,
        balanced_softmax,
        logit_norm,
        mbls,
        acls,
    )
}
