"""Losses, all `keras.losses.Loss`."""

from keras_refcal.losses.cross_entropy import CrossEntropyLoss
from keras_refcal.losses.mdca import MDCALoss
from keras_refcal.losses.refcal import RefCalLoss
from keras_refcal.losses.registry import get
from keras_refcal.losses.supervised_contrastive import SupervisedContrastiveLoss

__all__ = [
    "CrossEntropyLoss",
    "MDCALoss",
    "RefCalLoss",
    "SupervisedContrastiveLoss",
    "get",
]
