"""Layers: heads, prototypes and post-hoc calibrators, all `keras.layers.Layer`."""

from keras_refcal.layers.calibrators.matrix_scaling import (
    DirichletCalibration,
    MatrixScaling,
)
from keras_refcal.layers.calibrators.temperature_scaling import TemperatureScaling
from keras_refcal.layers.calibrators.vector_scaling import VectorScaling
from keras_refcal.layers.class_prototypes import ClassPrototypes
from keras_refcal.layers.projection_head import ProjectionHead

__all__ = [
    "ClassPrototypes",
    "DirichletCalibration",
    "MatrixScaling",
    "ProjectionHead",
    "TemperatureScaling",
    "VectorScaling",
]
