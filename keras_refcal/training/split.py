"""The images of a run: long-tailed training part, validation part, test part."""

import dataclasses

import numpy as np

from keras_refcal.data import ImageData, checksum, load, long_tail_indices


@dataclasses.dataclass(frozen=True)
class Split:
    """The images of a run.

    Attributes:
        images: An `ImageData`, its training part as it is to be trained on.
        validation: Images and labels, or `None`.
        sha256: Checksum of the long-tailed draw, before validation is cut from it.
    """

    images: ImageData
    validation: tuple[np.ndarray, np.ndarray] | None
    sha256: str

    @classmethod
    def load(cls, config):
        """Returns the split that a `RunConfig` asks for."""
        return cls.of(load(config.dataset, config.data_dir), config)

    @classmethod
    def of(cls, images, config):
        """Returns the split of an `ImageData` that a `RunConfig` asks for."""
        chosen = long_tail_indices(
            images.train_labels,
            images.num_classes,
            config.imbalance_factor,
            config.split_seed,
            max_count=config.max_count,
        )
        images, validation = images.trained_on(chosen), None
        if config.validation:
            images, validation = images.with_validation(config.validation)
        return cls(images, validation, checksum(chosen))

    @property
    def class_counts(self):
        """Training samples of each class, a list of integers."""
        labels = self.images.train_labels
        return np.bincount(labels, minlength=self.images.num_classes).tolist()
