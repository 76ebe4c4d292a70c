"""Batches of raw images without TensorFlow, for a model that makes its own views."""

import concurrent.futures
import os
from typing import Any

import keras
import numpy as np
from numpy.typing import ArrayLike

from keras_refcal.backend import on_device
from keras_refcal.data.image_files import ImageFiles
from keras_refcal.data.sampling import Sampler, ShardedSampler

# Images in memory of no more bytes than this are put on the device once.
MOST_ON_DEVICE = 4 * 2**30
# Batches of encoded images that are read while the device computes.
AHEAD = 2


class DeviceBatches:
    """Shuffled batches of raw images, fixed by seed, epoch and step alone.

    For a `RefCalModel` with `augmentation=`, which makes the views. The samples of each
    batch are those of `TrainingBatches` with the same settings. On JAX and PyTorch
    images in memory are put on the device once, and a step sends it no more than
    numbers; images on disk are decoded in threads while the device computes.

    Args:
        images: uint8 or float in [0, 1], shape `(n, height, width, channels)`, or an
            `ImageFiles`.
        labels: Class ids, shape `(n,)`.
        batch_size: Images a batch; the rest of an epoch that fills none is left out.
        seed: Integer.
        sampler: See `TrainingBatches`.
        sample_weight: A weight for each sample, `(n,)`, or `None`.
        with_index: Whether labels become pairs of label and number of the sample.
        shard: Which process this is, and of how many.

    Example:

    >>> import numpy as np
    >>> from keras_refcal.data import DeviceBatches
    >>> images, labels = np.zeros((10, 8, 8, 1), "uint8"), np.arange(10)
    >>> batches = DeviceBatches(images, labels, batch_size=4)
    >>> batches.steps_per_epoch, tuple(batches.epoch(3)[1][0].shape)
    (2, (4, 8, 8, 1))

    `model.fit(batches.from_epoch(7), steps_per_epoch=batches.steps_per_epoch,
    initial_epoch=7, epochs=10, shuffle=False)` goes on with a run that was stopped
    after seven epochs, with the batches that it would have seen.
    """

    def __init__(
        self,
        images: ArrayLike,
        labels: ArrayLike,
        batch_size: int,
        seed: int = 0,
        sampler: Any = "instance",
        sample_weight: ArrayLike | None = None,
        with_index: bool = False,
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
        if isinstance(sampler, str):
            sampler = Sampler(labels, batch_size, sampler, seed)
        if shard != (0, 1):
            sampler = ShardedSampler(sampler, *shard)
        self.sampler = sampler
        self._columns = [_targets(np.asarray(labels), with_index)]
        if sample_weight is not None:
            self._columns.append(np.asarray(sample_weight, "float32"))
        self._images = _indexable(images)

    @property
    def batch_size(self) -> Any:
        """Images a batch of this process."""
        return self.sampler.batch_size

    @property
    def steps_per_epoch(self) -> Any:
        """Batches an epoch."""
        return self.sampler.steps_per_epoch

    def from_epoch(self, epoch: int) -> Any:
        """Returns endless batches that start with the first one of `epoch`."""
        return _Endless(self, epoch)

    def epoch(self, number: Any) -> Any:
        """Returns the batches of an epoch as a sequence."""
        return _Epoch(self, number)

    def _rows(self, order, step):
        """Returns images, labels and weights of a step of an epoch."""
        if isinstance(self._images, _Files):
            self._images.read_ahead(order[step : step + 1 + AHEAD])
        chosen = order[step]
        return self._images[chosen], *(column[chosen] for column in self._columns)


class _Endless(keras.utils.PyDataset):
    """Batches by their number since the start, one epoch after another."""

    num_batches = None

    def __init__(self, batches, first_epoch):
        super().__init__()
        self._batches = batches
        self._first = first_epoch
        self._epoch = None

    def __getitem__(self, number):
        passed, step = divmod(number, self._batches.steps_per_epoch)
        number = self._first + passed
        if self._epoch is None or self._epoch.number != number:
            self._epoch = self._batches.epoch(number)
        return self._epoch[step]


class _Epoch:
    """A sequence of an epoch's batches, each gathered when it is asked for."""

    def __init__(self, batches, number):
        self.number = number
        self._batches = batches
        self._order = batches.sampler.epoch(number)

    def __len__(self):
        return len(self._order)

    def __getitem__(self, step):
        if not 0 <= step < len(self):
            raise IndexError(f"An epoch has {len(self)} batches. Received: {step}")
        return self._batches._rows(self._order, step)


class _Files:
    """Images on disk; batches are decoded in threads before they are asked for."""

    def __init__(self, images):
        self._images = images
        self._threads = concurrent.futures.ThreadPoolExecutor(os.cpu_count())
        self._reading = {}

    def read_ahead(self, batches):
        """Starts to read batches, and forgets others."""
        wanted = {batch.tobytes(): batch for batch in batches}
        self._reading = {k: v for k, v in self._reading.items() if k in wanted}
        for key, batch in wanted.items():
            if key not in self._reading:
                self._reading[key] = [
                    self._threads.submit(self._images.__getitem__, int(number))
                    for number in batch
                ]

    def __getitem__(self, chosen):
        return np.stack([image.result() for image in self._reading[chosen.tobytes()]])


def _indexable(images):
    """Returns images of which numbers choose some, on the device if they fit there."""
    if isinstance(images, ImageFiles):
        return _Files(images)
    return on_device(images) if images.nbytes <= MOST_ON_DEVICE else images


def _targets(labels, with_index):
    if with_index:
        return np.stack([labels, np.arange(len(labels))], axis=1)
    return labels
