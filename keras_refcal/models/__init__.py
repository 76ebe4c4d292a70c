"""Encoders and `RefCalModel`."""

from keras_refcal.models import encoders
from keras_refcal.models.refcal_model import RefCalModel

__all__ = ["RefCalModel", "encoders"]
