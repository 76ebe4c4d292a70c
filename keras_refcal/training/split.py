"""The images of a run: training part, validation part, test part."""

import dataclasses

import numpy as np

from keras_refcal.data import ImageData, load
from keras_refcal.data.draw import Draw, draw
from keras_refcal.data.fingerprint import fingerprint


@dataclasses.dataclass(frozen=True)
class Split:
    """The images of a run.

    Attributes:
        images: An `ImageData`, its training part as it is to be trained on.
        validation: Images and labels, or `None`.
        draw: Which of the training images are used, validation images among them.
        data_sha256: Checksum of the data set, see `fingerprint`.
    """

    images: ImageData
    validation: tuple[np.ndarray, np.ndarray] | None
    draw: Draw
    data_sha256: str

    @classmethod
    def load(cls, config):
        """Returns the split that a `RunConfig` asks for."""
        return cls.of(load(config.dataset, config.data_dir), config)

    @classmethod
    def of(cls, images, config):
        """Returns the split of an `ImageData` that a `RunConfig` asks for."""
        used = draw(
            images,
            config.dataset,
            config.imbalance_factor,
            config.split_seed,
            max_count=config.max_count,
        )
        data_sha256 = fingerprint(images)
        images, validation = used.of(images), None
        if config.validation:
            images, validation = images.with_validation(config.validation)
        return cls(images, validation, used, data_sha256)

    @property
    def class_counts(self):
        """Training samples of each class, a list of integers."""
        labels = self.images.train_labels
        return np.bincount(labels, minlength=self.images.num_classes).tolist()
