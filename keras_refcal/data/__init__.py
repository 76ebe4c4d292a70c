"""Long-tailed data sets, augmentation and `tf.data` pipelines.

TensorFlow is imported when a pipeline is made, not before.
"""

from keras_refcal.data import augment
from keras_refcal.data.batches import (
    TrainingBatches,
    long_tail_dataset,
    scaled,
    two_views,
)
from keras_refcal.data.datasets import ImageData, load
from keras_refcal.data.long_tail import checksum, class_counts, long_tail_indices

__all__ = [
    "ImageData",
    "TrainingBatches",
    "augment",
    "checksum",
    "class_counts",
    "load",
    "long_tail_dataset",
    "long_tail_indices",
    "scaled",
    "two_views",
]
