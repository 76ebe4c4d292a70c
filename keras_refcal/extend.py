"""What losses, metrics, calibrators and recipes of your own are made of.

`docs/extend.md` walks through one of each.
"""

from keras_refcal.layers.calibrators.base import Calibrator
from keras_refcal.layers.calibrators.one_versus_rest import OneVersusRestCalibrator
from keras_refcal.losses.base import BatchPenalty, ClassificationLoss
from keras_refcal.losses.supervised_contrastive import ContrastiveLoss
from keras_refcal.metrics.base import ClassifierMetric
from keras_refcal.metrics.counters import (
    ClassAnswers,
    ClassBins,
    FineClassBins,
    FineConfidence,
    LogLikelihood,
    SquaredDistance,
    TopLabelBins,
)
from keras_refcal.registration import Configured
from keras_refcal.training.stages import Stage

__all__ = [
    "BatchPenalty",
    "Calibrator",
    "ClassAnswers",
    "ClassBins",
    "ClassificationLoss",
    "ClassifierMetric",
    "Configured",
    "ContrastiveLoss",
    "FineClassBins",
    "FineConfidence",
    "LogLikelihood",
    "OneVersusRestCalibrator",
    "SquaredDistance",
    "Stage",
    "TopLabelBins",
]
