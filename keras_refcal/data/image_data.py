"""A data set of images in memory, or on disk where it does not fit."""

import dataclasses
from typing import Any

import numpy as np

from keras_refcal.data.image_files import ImageFiles
from keras_refcal.data.long_tail import long_tail_indices, validation_indices


@dataclasses.dataclass(frozen=True)
class ImageData:
    """Images and labels of a data set, split for training and test.

    Attributes:
        name: Name of the data set.
        train_images: uint8, shape `(n, height, width, channels)`; an `ImageFiles`
            where the images are too many for memory.
        train_labels: Class ids, shape `(n,)`.
        test_images: As `train_images`.
        test_labels: As `train_labels`.
        class_names: One name a class.
        augmentation: Name of the augmentation that suits the images, see `augment`.
        classifier_augmentation: Likewise, for one view in the training of a classifier.
        mild_augmentation: Likewise, one that leaves most of an image as it is.
        validation_images: A validation part of its own, as `train_images`, or `None`.
        validation_labels: As `train_labels`, or `None`.
        notes: What was left out or cut off when the data set was read, in words.
        is_split: Whether the test part was cut off by a seed.
    """

    name: str
    train_images: np.ndarray | ImageFiles
    train_labels: np.ndarray
    test_images: np.ndarray | ImageFiles
    test_labels: np.ndarray
    class_names: tuple[str, ...]
    augmentation: str = "simclr"
    classifier_augmentation: str = "crop_flip"
    mild_augmentation: str = "shift_flip"
    validation_images: np.ndarray | ImageFiles | None = None
    validation_labels: np.ndarray | None = None
    notes: tuple[str, ...] = ()
    is_split: bool = False

    @property
    def num_classes(self) -> Any:
        """Number of classes."""
        return len(self.class_names)

    @property
    def mean(self) -> Any:
        """Mean of each channel of the training images, in [0, 1]."""
        return self._moments()[0]

    @property
    def std(self) -> Any:
        """Standard deviation of each channel of the training images, in [0, 1]."""
        return self._moments()[1]

    def long_tailed(
        self,
        imbalance_factor: Any,
        seed: int = 1234,
        kind: str = "exponential",
        max_count: Any = None,
    ) -> Any:
        """Returns the data set with the published long-tailed draw as training part.

        See `long_tail_indices` for arguments and errors.

        >>> from keras_refcal import data
        >>> digits = data.load("digits").long_tailed(0.1)
        >>> np.bincount(digits.train_labels).tolist()
        [120, 92, 71, 55, 43, 33, 25, 20, 15, 12]
        """
        chosen = long_tail_indices(
            self.train_labels, self.num_classes, imbalance_factor, seed, kind, max_count
        )
        return self.trained_on(chosen)

    def with_validation(self, fraction: float = 0.1, seed: int = 0) -> Any:
        """Returns the data set less a part of each class, and that part.

        Args:
            fraction: Share of each class, in (0, 1), see `validation_indices`.
            seed: Seed of the choice.

        Returns:
            An `ImageData` with the smaller training part, and the images and labels
            of the validation part.

        >>> from keras_refcal import data
        >>> smaller, (images, labels) = data.load("digits").with_validation(0.25)
        >>> len(smaller.train_labels), np.bincount(labels).tolist()
        (900, [30, 30, 30, 30, 30, 30, 30, 30, 30, 30])
        """
        kept, held_out = validation_indices(self.train_labels, fraction, seed)
        validation = (self.train_images[held_out], self.train_labels[held_out])
        return self.trained_on(kept), validation

    def merged(self, class_of_class: Any, class_names: Any) -> Any:
        """Returns the data set with classes put together.

        Args:
            class_of_class: The new class of each class, `0 .. len(class_names) - 1`.
            class_names: One name a new class.

        >>> from keras_refcal import data
        >>> digits = data.load("digits").merged([0, 1] * 5, ["even", "odd"])
        >>> np.bincount(digits.train_labels).tolist()
        [600, 600]
        """
        new = np.asarray(class_of_class)
        if new.shape != (self.num_classes,) or (
            np.unique(new).tolist() != list(range(len(class_names)))
        ):
            raise ValueError(
                f"`class_of_class` must give each of {self.num_classes} classes one of "
                f"{len(class_names)} new ones. Received: {class_of_class!r}"
            )
        return dataclasses.replace(
            self,
            train_labels=new[self.train_labels],
            test_labels=new[self.test_labels],
            validation_labels=(
                None if self.validation_labels is None else new[self.validation_labels]
            ),
            class_names=tuple(class_names),
        )

    def augmented_by(self, name: str) -> Any:
        """Returns the data set with one augmentation, by name, for every purpose."""
        return dataclasses.replace(
            self,
            augmentation=name,
            classifier_augmentation=name,
            mild_augmentation=name,
        )

    def trained_on(self, chosen: Any) -> Any:
        """Returns the data set with a choice of its training images.

        Args:
            chosen: Their numbers, shape `(n,)`.
        """
        return dataclasses.replace(
            self,
            train_images=self.train_images[chosen],
            train_labels=self.train_labels[chosen],
        )

    def _moments(self, most=10_000):
        # Evenly spaced images are enough, and a folder is not read whole.
        step = max(1, len(self.train_images) // most)
        images = np.asarray(self.train_images[::step])
        levels = np.arange(256) / 255.0
        moments = []
        for channel in range(images.shape[-1]):
            counts = np.bincount(images[..., channel].ravel(), minlength=256)
            mean = np.average(levels, weights=counts)
            variance = np.average((levels - mean) ** 2, weights=counts)
            moments.append((mean, np.sqrt(variance)))
        means, deviations = zip(*moments, strict=True)
        return tuple(map(float, means)), tuple(map(float, deviations))
