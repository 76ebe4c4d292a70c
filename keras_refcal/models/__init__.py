"""Encoders, what they make of images, `RefCalModel`, and averages of models."""

from keras_refcal.models import encoders
from keras_refcal.models.averaged_weights import (
    average_weights,
    update_batch_statistics,
)
from keras_refcal.models.averages import average, average_views
from keras_refcal.models.features import encode
from keras_refcal.models.layouts import layout_map
from keras_refcal.models.refcal_model import RefCalModel

__all__ = [
    "RefCalModel",
    "average",
    "average_views",
    "average_weights",
    "encode",
    "encoders",
    "layout_map",
    "update_batch_statistics",
]
