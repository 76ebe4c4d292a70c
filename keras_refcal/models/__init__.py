"""Encoders, what they make of images, and `RefCalModel`."""

from keras_refcal.models import encoders
from keras_refcal.models.features import encode
from keras_refcal.models.layouts import layout_map
from keras_refcal.models.refcal_model import RefCalModel

__all__ = ["RefCalModel", "encode", "encoders", "layout_map"]
