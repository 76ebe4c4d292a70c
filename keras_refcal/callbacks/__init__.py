"""What is handed to `fit`: state of losses, averages, calibration, checkpoints."""

from keras_refcal.callbacks.average_weights import AverageWeights
from keras_refcal.callbacks.calibration import CalibrateOnValidation
from keras_refcal.callbacks.checkpoints import ProgressLines, StageCheckpoint
from keras_refcal.callbacks.loss_state import (
    DeferredReweighting,
    LossCallback,
    UpdateAdaFocal,
    UpdateCorrectnessHistory,
)
from keras_refcal.callbacks.refinement import ValidationRefinement

__all__ = [
    "AverageWeights",
    "CalibrateOnValidation",
    "DeferredReweighting",
    "LossCallback",
    "ProgressLines",
    "StageCheckpoint",
    "UpdateAdaFocal",
    "UpdateCorrectnessHistory",
    "ValidationRefinement",
]
