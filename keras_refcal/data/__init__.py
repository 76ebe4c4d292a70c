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
from keras_refcal.data.corruptions import CORRUPTIONS, corrupt
from keras_refcal.data.datasets import load
from keras_refcal.data.device_batches import DeviceBatches
from keras_refcal.data.folders import image_folder, image_lists
from keras_refcal.data.image_data import ImageData
from keras_refcal.data.image_files import ImageFiles
from keras_refcal.data.image_table import image_table
from keras_refcal.data.long_tail import (
    checksum,
    class_counts,
    long_tail_indices,
    validation_indices,
)
from keras_refcal.data.sampling import (
    PKSampler,
    Sampler,
    ShardedSampler,
    class_probabilities,
    class_weights,
)

__all__ = [
    "CORRUPTIONS",
    "DeviceBatches",
    "ImageData",
    "ImageFiles",
    "PKSampler",
    "Sampler",
    "ShardedSampler",
    "TrainingBatches",
    "augment",
    "checksum",
    "class_counts",
    "class_probabilities",
    "class_weights",
    "corrupt",
    "image_folder",
    "image_lists",
    "image_table",
    "load",
    "long_tail_dataset",
    "long_tail_indices",
    "scaled",
    "two_views",
    "validation_indices",
]
