"""Batches for training as `tf.data`, the same ones in every run of a seed."""

from keras_refcal.backend.data_library import tensorflow
from keras_refcal.data import augment
from keras_refcal.data.long_tail import long_tail_indices


def long_tail_dataset(
    images, labels, num_classes, imbalance_factor, seed=1234, kind="exponential"
):
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


def two_views(dataset, augmentation="affine", seed=0, views=2):
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
    """Shuffled, augmented batches of arrays, fixed by seed, epoch and step alone.

    Args:
        images: uint8 or float in [0, 1], shape `(n, height, width, channels)`.
        labels: Class ids, shape `(n,)`.
        batch_size: Images a batch; the rest of an epoch that fills none is left out.
        augmentation: A function of `(images, seed)`, see `augment`.
        views: Views of each image.
        seed: Integer.

    Example:

    >>> import numpy as np
    >>> from keras_refcal.data import TrainingBatches, augment
    >>> images, labels = np.zeros((10, 8, 8, 1), "uint8"), np.arange(10)
    >>> batches = TrainingBatches(images, labels, 4, augment.affine, views=2)
    >>> batches.steps_per_epoch
    2
    >>> tuple(next(iter(batches.from_epoch(3)))[0].shape)
    (4, 2, 8, 8, 1)
    """

    def __init__(self, images, labels, batch_size, augmentation, views=1, seed=0):
        if len(images) != len(labels) or len(labels) == 0:
            raise ValueError(
                "`images` and `labels` must hold equally many samples, one or more. "
                f"Received: {len(images)} and {len(labels)}"
            )
        self.images = images
        self.labels = labels
        self.batch_size = min(batch_size, len(labels))
        self.augmentation = augmentation
        self.views = views
        self.seed = seed

    @property
    def steps_per_epoch(self):
        """Batches an epoch."""
        return len(self.labels) // self.batch_size

    def from_epoch(self, epoch):
        """Returns an endless data set that starts with the first batch of `epoch`."""
        tf = tensorflow()
        with tf.device("CPU"):
            images, labels = tf.constant(self.images), tf.constant(self.labels)

        def batches_of(epoch):
            key = tf.stack([tf.constant(self.seed, tf.int64), epoch])
            order = tf.random.experimental.stateless_shuffle(
                tf.range(len(self.labels)), key
            )
            batches = tf.data.Dataset.from_tensor_slices(order)
            batches = batches.batch(self.batch_size, drop_remainder=True)
            return batches.enumerate(epoch * self.steps_per_epoch)

        def views_of(step, chosen):
            key = tf.stack([tf.constant(self.seed, tf.int64), step])
            batch = tf.gather(images, chosen)
            views = augment.augmented_views(batch, self.views, self.augmentation, key)
            return views, tf.gather(labels, chosen)

        epochs = tf.data.Dataset.counter(start=epoch)
        batches = epochs.flat_map(batches_of).map(views_of, tf.data.AUTOTUNE)
        return batches.prefetch(tf.data.AUTOTUNE)


def scaled(images):
    """Returns uint8 images as float32 in [0, 1]."""
    return images.astype("float32") / 255.0
