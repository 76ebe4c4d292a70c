"""The images of a run: training part, validation part, test part."""

import dataclasses

import numpy as np

from keras_refcal.data import ImageData, load
from keras_refcal.data.draw import Draw, draw
from keras_refcal.data.fingerprint import fingerprint
from keras_refcal.data.long_tail import validation_indices


def load_images(config):
    """Returns the `ImageData` that a `RunConfig` names, as it is."""
    return load(
        config.dataset,
        config.data_dir,
        config.image_size,
        split_seed=config.split_seed,
        skip_damaged=config.skip_damaged,
    )


@dataclasses.dataclass(frozen=True)
class Split:
    """The images of a run.

    Attributes:
        images: An `ImageData`, its training part as it is to be trained on.
        validation: Images and labels, or `None`.
        validation_numbers: Their numbers among the training images of the data set.
        draw: Which of the training images are used, validation images among them.
        data_sha256: Checksum of the data set, see `fingerprint`.
    """

    images: ImageData
    validation: tuple[np.ndarray, np.ndarray] | None
    validation_numbers: np.ndarray | None
    draw: Draw
    data_sha256: str

    @classmethod
    def load(cls, config):
        """Returns the split that a `RunConfig` asks for."""
        return cls.of(load_images(config), config)

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
        if config.augmentation is not None:
            images = images.augmented_by(config.augmentation)
        images, validation, numbers = used.of(images), None, None
        if images.validation_labels is not None:
            validation = (images.validation_images, images.validation_labels)
            numbers = np.arange(len(images.validation_labels))
            if config.validation:
                raise ValueError(
                    "`validation` has no effect on a data set with a validation part "
                    f"of its own: leave it out. Received: {config.validation}"
                )
        if config.validation:
            labels = images.train_labels
            kept, held_out = validation_indices(labels, config.validation)
            validation = (images.train_images[held_out], labels[held_out])
            numbers = used.chosen[held_out]
            images = images.trained_on(kept)
        return cls(images, validation, numbers, used, data_sha256)

    @property
    def class_counts(self):
        """Training samples of each class, a list of integers."""
        labels = self.images.train_labels
        return np.bincount(labels, minlength=self.images.num_classes).tolist()
