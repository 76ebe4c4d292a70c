"""Batches for training as `tf.data`, the same ones in every run of a seed."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from keras_refcal.backend.data_library import tensorflow
from keras_refcal.data import augment
from keras_refcal.data.image_files import ImageFiles
from keras_refcal.data.long_tail import long_tail_indices
from keras_refcal.data.sampling import Sampler, ShardedSampler


def long_tail_dataset(
    images: ArrayLike,
    labels: ArrayLike,
    num_classes: int,
    imbalance_factor: Any,
    seed: int = 1234,
    kind: str = "exponential",
) -> Any:
    """Returns the published long-tailed draw as a `tf.data.Dataset`.

    Args:
        images: Shape `(n, height, width, channels)`.
        labels: Class ids, shape `(n,)`.
        num_classes: Number of classes.
        imbalance_factor: Smallest class over largest, or its inverse.
        seed: Seed of the draw.
        kind: `"exponential"` or `"step"`.

    Returns:
        A data set of `(image, label)`, class by class: shuffle it before training.

    Raises:
        ValueError: If labels or factor do not fit, see `long_tail_indices`.

    >>> from keras_refcal import data
    >>> digits = data.load("digits")
    >>> dataset = data.long_tail_dataset(
    ...     digits.train_images, digits.train_labels, 10, imbalance_factor=0.1)
    >>> int(dataset.cardinality())
    486
    """
    chosen = long_tail_indices(labels, num_classes, imbalance_factor, seed, kind)
    tf = tensorflow()
    return tf.data.Dataset.from_tensor_slices((images[chosen], labels[chosen]))


def two_views(
    dataset: Any, augmentation: Any = "affine", seed: int = 0, views: int = 2
) -> Any:
    """Returns a data set whose images are augmented views.

    Args:
        dataset: A batched `tf.data.Dataset` of `(images, labels)`, images of shape
            `(batch, height, width, channels)`, uint8 or float in [0, 1].
        augmentation: Name of an augmentation, or a function of `(images, seed)`.
        seed: Integer; every epoch draws new views, the same ones in every run.
        views: Views of each image.

    Returns:
        A data set of images, float32 of shape
        `(batch, views, height, width, channels)`, and labels.

    >>> from keras_refcal import data
    >>> digits = data.load("digits")
    >>> dataset = data.long_tail_dataset(
    ...     digits.train_images, digits.train_labels, 10, imbalance_factor=0.1)
    >>> images, labels = next(iter(data.two_views(dataset.batch(64))))
    >>> tuple(images.shape)
    (64, 2, 8, 8, 1)
    """
    tf = tensorflow()
    if not callable(augmentation):
        augmentation = augment.get(augmentation)

    def with_views(draw, batch):
        images, labels = batch
        key = (tf.constant(seed, tf.int64), draw)
        return augment.augmented_views(images, views, augmentation, key), labels

    draws = tf.data.Dataset.random(seed, rerandomize_each_iteration=True)
    drawn = tf.data.Dataset.zip(draws, dataset)
    return drawn.map(with_views, tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


class TrainingBatches:
    """Shuffled, augmented batches of images, fixed by seed, epoch and step alone.

    Args:
        images: uint8 or float in [0, 1], shape `(n, height, width, channels)`, or an
            `ImageFiles`, whose images are decoded as they are needed.
        labels: Class ids, shape `(n,)`.
        batch_size: Images a batch; the rest of an epoch that fills none is left out.
        augmentation: A function of `(images, seed)`, see `augment`.
        views: Views of each image.
        seed: Integer.
        sampler: What forms the batches: a strategy of `sampling.Sampler`, or an object
            with `epoch(number)`, `steps_per_epoch` and `batch_size`.
        sample_weight: A weight for each sample, `(n,)`: a third item of each batch.
            `sampling.class_weights(counts)[labels]` takes the place of `class_weight`.
        with_index: Whether labels become pairs of label and number of the sample,
            `(batch, 2)`, as `CorrectnessRankingLoss` takes.
        shard: Which process this is, and of how many. Each global batch, of
            `batch_size` images, is dealt out among them: none twice, none left out.
        mixing: A function of `(images, labels, seed)`, as `augment.mix_up`, for one
            view; labels become probabilities, `(batch, num_classes)`.

    Example:

    >>> import numpy as np
    >>> from keras_refcal.data import TrainingBatches, augment
    >>> images, labels = np.zeros((10, 8, 8, 1), "uint8"), np.arange(10)
    >>> batches = TrainingBatches(images, labels, 4, augment.affine, views=2)
    >>> batches.steps_per_epoch
    2
    >>> tuple(next(iter(batches.from_epoch(3)))[0].shape)
    (4, 2, 8, 8, 1)

    A batch by number is the same one, as NumPy arrays. So the batches of an epoch are a
    source for `torch.utils.data.DataLoader(batches.epoch(3), batch_size=None)` and for
    `grain.MapDataset.source(batches.epoch(3))`:

    >>> batches.epoch(3)[1][0].shape
    (4, 2, 8, 8, 1)
    """

    def __init__(
        self,
        images: ArrayLike,
        labels: ArrayLike,
        batch_size: int,
        augmentation: Any,
        views: int = 1,
        seed: int = 0,
        sampler: Any = "instance",
        sample_weight: ArrayLike | None = None,
        with_index: bool = False,
        mixing: Any = None,
        shard: Any = (0, 1),
    ):
        if len(images) != len(labels) or len(labels) == 0:
            raise ValueError(
                "`images` and `labels` must hold equally many samples, one or more. "
                f"Received: {len(images)} and {len(labels)}"
            )
        if sample_weight is not None and np.shape(sample_weight) != (len(labels),):
            raise ValueError(
                f"`sample_weight` must hold a weight for each of {len(labels)} "
                f"samples. Received shape: {np.shape(sample_weight)}"
            )
        if mixing is not None and (views != 1 or with_index):
            raise ValueError(
                "`mixing` must be None for several views and for labels with numbers. "
                f"Received: views={views}, with_index={with_index}"
            )
        if isinstance(sampler, str):
            sampler = Sampler(labels, batch_size, sampler, seed)
        if shard != (0, 1):
            sampler = ShardedSampler(sampler, *shard)
        self.images = images
        self.labels = np.asarray(labels)
        self.sampler = sampler
        self.augmentation = augmentation
        self.views = views
        self.seed = seed
        self.sample_weight = sample_weight
        self.with_index = with_index
        self.mixing = mixing
        self.shard = shard

    @property
    def batch_size(self) -> Any:
        """Images a batch of this process."""
        return self.sampler.batch_size

    @property
    def steps_per_epoch(self) -> Any:
        """Batches an epoch."""
        return self.sampler.steps_per_epoch

    def from_epoch(self, epoch: int) -> Any:
        """Returns an endless data set that starts with the first batch of `epoch`."""
        tf = tensorflow()
        batch_at = self._batch_function()
        shape = (self.steps_per_epoch, self.batch_size)

        def batches_of(epoch):
            order = tf.numpy_function(self.sampler.epoch, [epoch], tf.int64)
            batches = tf.data.Dataset.from_tensor_slices(tf.ensure_shape(order, shape))
            return batches.enumerate(epoch * self.steps_per_epoch)

        epochs = tf.data.Dataset.counter(start=epoch)
        batches = epochs.flat_map(batches_of).map(batch_at, tf.data.AUTOTUNE)
        return batches.prefetch(tf.data.AUTOTUNE)

    def epoch(self, number: Any) -> Any:
        """Returns the batches of an epoch as a sequence of NumPy arrays."""
        return _EpochOfBatches(self, number)

    def _batch_function(self):
        """Returns a function from a step and its samples to a batch of tensors."""
        tf = tensorflow()
        with tf.device("CPU"):
            images = self._image_function()
            labels = tf.constant(self._targets())
            weights = self.sample_weight
            if weights is not None:
                weights = tf.constant(weights, tf.float32)

        def batch_at(step, chosen):
            key = tf.stack([tf.constant(self.seed, tf.int64), step])
            if self.shard[0] > 0:
                key = tf.random.fold_in(key, self.shard[0])
            views = augment.augmented_views(
                images(chosen), self.views, self.augmentation, key
            )
            targets = tf.gather(labels, chosen)
            if self.mixing is not None:
                views, targets = self.mixing(views, targets, tf.random.fold_in(key, 1))
            batch = (views, targets)
            return batch if weights is None else (*batch, tf.gather(weights, chosen))

        return batch_at

    def _image_function(self):
        tf = tensorflow()
        if not isinstance(self.images, ImageFiles):
            images = tf.constant(self.images)
            return lambda chosen: tf.gather(images, chosen)

        def decoded(chosen):
            return np.asarray(self.images[chosen])

        def read(chosen):
            batch = tf.numpy_function(decoded, [chosen], tf.uint8)
            return tf.ensure_shape(batch, (self.batch_size, *self.images.shape[1:]))

        return read

    def _targets(self):
        if self.with_index:
            return np.stack([self.labels, np.arange(len(self.labels))], axis=1)
        if self.mixing is not None:
            return np.eye(self.labels.max() + 1, dtype="float32")[self.labels]
        return self.labels


class _EpochOfBatches:
    """A sequence of an epoch's batches, each computed when it is asked for."""

    def __init__(self, batches, number):
        self._number = number
        self._order = batches.sampler.epoch(number)
        self._batch_at = batches._batch_function()

    def __len__(self):
        return len(self._order)

    def __getitem__(self, step):
        if not 0 <= step < len(self):
            raise IndexError(f"An epoch has {len(self)} batches. Received: {step}")
        tf = tensorflow()
        with tf.device("CPU"):
            number = tf.constant(self._number * len(self) + step, tf.int64)
            batch = self._batch_at(number, tf.constant(self._order[step]))
        return tuple(item.numpy() for item in batch)


def scaled(images: ArrayLike) -> Any:
    """Returns uint8 images as float32 in [0, 1]."""
    return images.astype("float32") / 255.0
