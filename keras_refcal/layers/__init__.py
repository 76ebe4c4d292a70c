"""Layers: heads, prototypes and post-hoc calibrators, all `keras.layers.Layer`."""

from keras_refcal.layers.calibrators.bayesian_binning import BayesianBinning
from keras_refcal.layers.calibrators.histogram_binning import HistogramBinning
from keras_refcal.layers.calibrators.isotonic_calibration import IsotonicCalibration
from keras_refcal.layers.calibrators.logistic_maps import BetaCalibration, PlattScaling
from keras_refcal.layers.calibrators.long_tailed_temperature import (
    ClassDistributionAwareTemperature,
    GroupTemperatureScaling,
)
from keras_refcal.layers.calibrators.matrix_scaling import (
    DirichletCalibration,
    MatrixScaling,
)
from keras_refcal.layers.calibrators.mixed_temperature import (
    EnsembleTemperatureScaling,
    LaplaceTemperatureScaling,
)
from keras_refcal.layers.calibrators.structured_scaling import (
    StructuredMatrixScaling,
    StructuredVectorScaling,
)
from keras_refcal.layers.calibrators.temperature_scaling import TemperatureScaling
from keras_refcal.layers.calibrators.vector_scaling import VectorScaling
from keras_refcal.layers.calibrators.venn_abers_calibration import VennAbersCalibration
from keras_refcal.layers.class_prototypes import ClassPrototypes
from keras_refcal.layers.prior_shift import PriorShift
from keras_refcal.layers.projection_head import ProjectionHead

__all__ = [
    "BayesianBinning",
    "BetaCalibration",
    "ClassDistributionAwareTemperature",
    "ClassPrototypes",
    "DirichletCalibration",
    "EnsembleTemperatureScaling",
    "GroupTemperatureScaling",
    "HistogramBinning",
    "IsotonicCalibration",
    "LaplaceTemperatureScaling",
    "MatrixScaling",
    "PlattScaling",
    "PriorShift",
    "ProjectionHead",
    "StructuredMatrixScaling",
    "StructuredVectorScaling",
    "TemperatureScaling",
    "VectorScaling",
    "VennAbersCalibration",
]
