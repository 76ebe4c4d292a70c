"""Layers: heads, prototypes and post-hoc calibrators, all `keras.layers.Layer`."""

from keras_refcal.layers.class_prototypes import ClassPrototypes
from keras_refcal.layers.projection_head import ProjectionHead

__all__ = ["ClassPrototypes", "ProjectionHead"]
