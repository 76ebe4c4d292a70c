"""Image data sets as arrays, by name."""

import dataclasses

import numpy as np

from keras_refcal.validation import check_choice


@dataclasses.dataclass(frozen=True)
class ImageData:
    """Images and labels of a data set, split for training and test.

    Attributes:
        name: Name of the data set.
        train_images: uint8, shape `(n, height, width, channels)`.
        train_labels: Class ids, shape `(n,)`.
        test_images: As `train_images`.
        test_labels: As `train_labels`.
        class_names: One name a class.
        augmentation: Name of the augmentation that suits the images, see `augment`.
    """

    name: str
    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    class_names: tuple[str, ...]
    augmentation: str

    @property
    def num_classes(self):
        """Number of classes."""
        return len(self.class_names)


def load(name, data_dir=None) -> ImageData:
    """Returns a data set by name.

    Args:
        name: `"digits"`: 1,797 grey 8x8 images of handwritten digits that
            scikit-learn ships; 120 of each class for training, the rest for test.
        data_dir: Where data sets that are not bundled lie.

    Raises:
        ValueError: If there is no data set of that name.
        ImportError: If a library that holds the data set is missing.

    >>> data = load("digits")
    >>> data.train_images.shape, data.test_images.shape
    ((1200, 8, 8, 1), (597, 8, 8, 1))
    """
    check_choice("dataset", name, DATASETS)
    return DATASETS[name](data_dir)


def _digits(data_dir):
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ImportError(
            "The data set 'digits' comes with scikit-learn: "
            "pip install 'keras-refcal[report]'."
        ) from error
    bunch = load_digits()
    images = np.round(bunch.images * (255 / 16)).astype("uint8")[..., None]
    labels = bunch.target.astype("int64")
    # The writers of the first rows differ from those of the last.
    rank_in_class = np.zeros(len(labels), "int64")
    for label in range(10):
        members = np.flatnonzero(labels == label)
        rank_in_class[members] = np.arange(len(members))
    train = rank_in_class < 120
    return ImageData(
        name="digits",
        train_images=images[train],
        train_labels=labels[train],
        test_images=images[~train],
        test_labels=labels[~train],
        class_names=tuple(str(digit) for digit in range(10)),
        augmentation="affine",
    )


DATASETS = {"digits": _digits}
