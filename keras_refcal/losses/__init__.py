"""Losses, all `keras.losses.Loss`."""

from keras_refcal.losses.adafocal import AdaFocalLoss
from keras_refcal.losses.auc_margin import AUCMarginLoss
from keras_refcal.losses.balanced_contrastive import BalancedContrastiveLoss
from keras_refcal.losses.brier import BrierLoss
from keras_refcal.losses.class_balanced import ClassBalancedLoss
from keras_refcal.losses.correctness_ranking import CorrectnessRankingLoss
from keras_refcal.losses.cross_entropy import CrossEntropyLoss
from keras_refcal.losses.dca import DCALoss
from keras_refcal.losses.focal import FocalLoss, SampleDependentFocalLoss
from keras_refcal.losses.logit_norm import LogitNormLoss
from keras_refcal.losses.long_tail import (
    BalancedSoftmaxLoss,
    LabelAwareSmoothingLoss,
    LDAMLoss,
    LogitAdjustedLoss,
)
from keras_refcal.losses.margin import ACLSLoss, MarginLabelSmoothingLoss
from keras_refcal.losses.mdca import MDCALoss
from keras_refcal.losses.mmce import MMCELoss
from keras_refcal.losses.refcal import RefCalLoss
from keras_refcal.losses.registry import get
from keras_refcal.losses.simclr import SimCLRLoss
from keras_refcal.losses.supervised_contrastive import SupervisedContrastiveLoss

__all__ = [
    "ACLSLoss",
    "AUCMarginLoss",
    "AdaFocalLoss",
    "BalancedContrastiveLoss",
    "BalancedSoftmaxLoss",
    "BrierLoss",
    "ClassBalancedLoss",
    "CorrectnessRankingLoss",
    "CrossEntropyLoss",
    "DCALoss",
    "FocalLoss",
    "LDAMLoss",
    "LabelAwareSmoothingLoss",
    "LogitAdjustedLoss",
    "LogitNormLoss",
    "MDCALoss",
    "MMCELoss",
    "MarginLabelSmoothingLoss",
    "RefCalLoss",
    "SampleDependentFocalLoss",
    "SimCLRLoss",
    "SupervisedContrastiveLoss",
    "get",
]
