"""Which samples form the batches of an epoch, in NumPy, for any pipeline.

A sampler is a pure function of its seed and the number of the epoch, so that `tf.data`,
a PyTorch `DataLoader` and grain see the same batches, and a resumed run the same ones
as an unbroken one.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from keras_refcal.validation import (
    check_choice,
    check_class_counts,
    check_in_range,
    check_non_negative,
)

STRATEGIES = (
    "class_balanced",
    "effective_number",
    "instance",
    "progressive",
    "square_root",
)
WEIGHTINGS = ("effective_number", "inverse", "square_root")


def class_probabilities(
    class_counts: ArrayLike, strategy: Any, progress: float = 1.0, beta: float = 0.9999
) -> Any:
    """Returns how often each class is drawn.

    With n samples in a class, its share is in proportion to n (`"instance"`), to 1
    (`"class_balanced"`), to √n (`"square_root"`), or to n over the effective number of
    samples, `(1 - beta ** n) / (1 - beta)` (`"effective_number"`). `"progressive"`
    goes from `"instance"` to `"class_balanced"` in equal steps.

    Args:
        class_counts: Training samples of each class.
        strategy: One of `STRATEGIES`.
        progress: How far the training is, in [0, 1], for `"progressive"`.
        beta: In [0, 1), for `"effective_number"`.

    Returns:
        Probabilities, shape `(num_classes,)`.

    Raises:
        ValueError: If an argument is out of range.

    Reference:
        [Kang et al., 2020](https://arxiv.org/abs/1910.09217), section 4.1, and
        [Cui et al., 2019](https://arxiv.org/abs/1901.05555).

    >>> class_probabilities([90, 10], "square_root").tolist()
    [0.75, 0.25]
    """
    check_choice("strategy", strategy, STRATEGIES)
    check_in_range("progress", progress, 0, 1)
    counts = np.asarray(check_class_counts(class_counts))
    if strategy == "progressive":
        ends = (class_probabilities(counts, k) for k in ("instance", "class_balanced"))
        instance, balanced = ends
        return (1 - progress) * instance + progress * balanced
    shares = {
        "instance": counts,
        "class_balanced": np.ones(len(counts)),
        "square_root": np.sqrt(counts),
        "effective_number": counts / _effective_number(counts, beta),
    }[strategy]
    return shares / shares.sum()


def class_weights(
    class_counts: ArrayLike, weighting: str = "inverse", beta: float = 0.9999
) -> Any:
    """Returns a weight for each class, with a mean of 1 over classes.

    Index it with labels for the `sample_weight` of `fit`, which Keras takes for any
    number of outputs, unlike `class_weight`.

    Args:
        class_counts: Training samples of each class.
        weighting: `"inverse"` (1 / n), `"square_root"` (1 / √n) or
            `"effective_number"` (one over the effective number of samples).
        beta: In [0, 1), for `"effective_number"`.

    Returns:
        Weights, shape `(num_classes,)`.

    Raises:
        ValueError: If an argument is out of range.

    Reference:
        [Cui et al., 2019](https://arxiv.org/abs/1901.05555), eq. 5.

    >>> class_weights([30, 10]).tolist()
    [0.5, 1.5]
    """
    check_choice("weighting", weighting, WEIGHTINGS)
    counts = np.asarray(check_class_counts(class_counts))
    weights = {
        "inverse": 1 / counts,
        "square_root": 1 / np.sqrt(counts),
        "effective_number": 1 / _effective_number(counts, beta),
    }[weighting]
    return weights * (len(counts) / weights.sum())


class Sampler:
    """Batches of samples, drawn class by class.

    `"instance"` takes every sample once an epoch, in an order drawn by chance, and
    leaves out what fills no batch. The others draw a class for each place of a batch,
    see `class_probabilities`; a class gives its samples in an order drawn by chance,
    and gives none twice before it has given all.

    Args:
        labels: Class ids, shape `(n,)`.
        batch_size: Samples a batch.
        strategy: One of `STRATEGIES`.
        seed: Integer.
        epochs: Epochs of the training, for `"progressive"`.
        beta: In [0, 1), for `"effective_number"`.

    Example:

    >>> sampler = Sampler([0] * 90 + [1] * 10, 20, "class_balanced")
    >>> sampler.epoch(0).shape
    (5, 20)
    """

    def __init__(
        self,
        labels: ArrayLike,
        batch_size: int,
        strategy: str = "instance",
        seed: int = 0,
        epochs: int | None = None,
        beta: float = 0.9999,
    ):
        check_choice("strategy", strategy, STRATEGIES)
        self.labels = _class_ids(labels)
        self.batch_size = min(_positive("batch_size", batch_size), len(self.labels))
        self.strategy = strategy
        check_non_negative("seed", seed)
        self.seed = seed
        self.epochs = epochs
        self.beta = beta
        if strategy == "progressive":
            _positive("epochs", epochs)

    @property
    def steps_per_epoch(self) -> Any:
        """Batches an epoch."""
        return len(self.labels) // self.batch_size

    def epoch(self, number: Any) -> Any:
        """Returns the samples of an epoch, `(steps_per_epoch, batch_size)`."""
        generator = np.random.default_rng([self.seed, int(number)])
        size = self.steps_per_epoch * self.batch_size
        if self.strategy == "instance":
            order = generator.permutation(len(self.labels))[:size]
        else:
            order = self._by_class(generator, size, int(number))
        return order.reshape(self.steps_per_epoch, self.batch_size)

    def _by_class(self, generator, size, number):
        counts = np.bincount(self.labels)
        present = np.flatnonzero(counts)
        last = 1 if self.epochs is None else max(self.epochs - 1, 1)
        chances = class_probabilities(
            counts[present], self.strategy, min(number / last, 1.0), self.beta
        )
        drawn = present[generator.choice(len(present), size, p=chances)]
        order = np.empty(size, "int64")
        for label in present:
            places = np.flatnonzero(drawn == label)
            members = np.flatnonzero(self.labels == label)
            order[places] = _in_turns(members, len(places), generator)
        return order


class PKSampler:
    """Batches of P classes with K samples each, so that every sample has positives.

    The classes of a batch are drawn alike often. A class gives K different samples, or
    all it has, over and over, if it has fewer.

    Args:
        labels: Class ids, shape `(n,)`.
        classes_per_batch: P, at most the number of classes.
        samples_per_class: K, 2 or more.
        seed: Integer.

    Example:

    >>> sampler = PKSampler(np.arange(100) % 10, classes_per_batch=4)
    >>> np.unique(np.arange(100)[sampler.epoch(0)[0]] % 10, return_counts=True)[1]
    array([2, 2, 2, 2])
    """

    def __init__(
        self,
        labels: ArrayLike,
        classes_per_batch: Any,
        samples_per_class: int = 2,
        seed: int = 0,
    ):
        self.labels = _class_ids(labels)
        self.classes = np.unique(self.labels)
        check_in_range("classes_per_batch", classes_per_batch, 1, len(self.classes))
        check_in_range("samples_per_class", samples_per_class, 2, len(self.labels))
        self.classes_per_batch = classes_per_batch
        self.samples_per_class = samples_per_class
        self.batch_size = classes_per_batch * samples_per_class
        check_non_negative("seed", seed)
        self.seed = seed

    @property
    def steps_per_epoch(self) -> Any:
        """Batches an epoch: as many samples as there are, and one batch or more."""
        return max(1, len(self.labels) // self.batch_size)

    def epoch(self, number: Any) -> Any:
        """Returns the samples of an epoch, `(steps_per_epoch, batch_size)`."""
        generator = np.random.default_rng([self.seed, int(number)])
        members = {
            label: np.flatnonzero(self.labels == label) for label in self.classes
        }
        batches = []
        for _ in range(self.steps_per_epoch):
            chosen = generator.choice(
                self.classes, self.classes_per_batch, replace=False
            )
            rows = [
                _in_turns(members[label], self.samples_per_class, generator)
                for label in chosen
            ]
            batches.append(np.concatenate(rows))
        return np.stack(batches)


class ShardedSampler:
    """One process' share of the batches of a sampler.

    Every process makes the same global batches from the same seed and keeps its share
    of each: shares do not overlap, and one after the other they are the batch. So a
    batch of P classes with K samples each stays one over all processes.

    Args:
        sampler: A `Sampler`, a `PKSampler` or any object like them.
        index: Which process this is, from 0.
        processes: How many there are; the batch must divide by them.

    Example:

    >>> shares = [ShardedSampler(Sampler([0] * 8, 4), i, 2).epoch(0) for i in (0, 1)]
    >>> sorted(np.concatenate(shares).ravel().tolist())
    [0, 1, 2, 3, 4, 5, 6, 7]
    """

    def __init__(self, sampler: Any, index: Any, processes: Any):
        _positive("processes", processes)
        check_in_range("index", index, 0, processes - 1)
        if sampler.batch_size % processes:
            raise ValueError(
                f"`batch_size` must divide by the {processes} processes. "
                f"Received: {sampler.batch_size}"
            )
        self.sampler = sampler
        self.index = index
        self.processes = processes
        self.batch_size = sampler.batch_size // processes

    @property
    def steps_per_epoch(self) -> Any:
        """Batches an epoch, the same number in every process."""
        return self.sampler.steps_per_epoch

    def epoch(self, number: Any) -> Any:
        """Returns the samples of an epoch, `(steps_per_epoch, batch_size)`."""
        start = self.index * self.batch_size
        return self.sampler.epoch(number)[:, start : start + self.batch_size]


def _in_turns(members, count, generator):
    """Returns `count` members, none twice before all have had their turn."""
    turns = -(-count // len(members))
    orders = [generator.permutation(members) for _ in range(turns)]
    return np.concatenate([members[:0], *orders])[:count]


def _effective_number(counts, beta):
    if not 0 <= beta < 1:
        raise ValueError(f"`beta` must be a number in [0, 1). Received: {beta!r}")
    # Near beta = 1 the plain formula loses its digits.
    return -np.expm1(counts * np.log1p(beta - 1)) / (1 - beta) if beta else counts**0


def _class_ids(labels):
    labels = np.asarray(labels)
    if labels.ndim != 1 or len(labels) == 0 or labels.dtype.kind not in "iu":
        raise ValueError(
            "`labels` must be class ids of shape (n,), one or more. Received: "
            f"{labels.dtype} of shape {labels.shape}"
        )
    if labels.min() < 0:
        raise ValueError(f"`labels` must be 0 or more. Received: {labels.min()}")
    return labels


def _positive(name, value):
    if not isinstance(value, int | np.integer) or value < 1:
        raise ValueError(f"`{name}` must be a whole number >= 1. Received: {value!r}")
    return int(value)
