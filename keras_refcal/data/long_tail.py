"""The published rule that makes a long-tailed training set from a balanced one."""

import hashlib
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from keras_refcal.validation import check_choice, check_in_range

PROFILES = ("exponential", "step")
SPLIT_SEED = 1234


def class_counts(
    max_count: Any, num_classes: int, imbalance_factor: Any, kind: str = "exponential"
) -> Any:
    """Returns the number of training samples of each class, largest first.

    `"exponential"` gives `int(max_count * f ** (c / (num_classes - 1)))` samples to
    class c. `"step"` gives `max_count` to the first half of the classes and
    `int(max_count * f)` to the second.

    Args:
        max_count: Samples of the largest class, 1 or more; the published code
            gives samples over classes, which need not be whole.
        num_classes: Number of classes, 2 or more.
        imbalance_factor: Smallest class over largest, f in (0, 1], or its inverse.
        kind: `"exponential"` or `"step"`.

    Returns:
        An integer array of shape `(num_classes,)`.

    Raises:
        ValueError: If an argument is out of range, or a class would be empty.

    Reference:
        [Cui et al., 2019](https://arxiv.org/abs/1901.05555), as coded by
        [Cao et al., 2019](https://arxiv.org/abs/1906.07413).

    >>> class_counts(500, 5, 0.1).tolist()
    [500, 281, 158, 88, 50]
    """
    check_choice("kind", kind, PROFILES)
    if num_classes < 2:
        raise ValueError(f"`num_classes` must be 2 or more. Received: {num_classes!r}")
    factor = imbalance_ratio(imbalance_factor)
    if kind == "exponential":
        powers = [factor ** (c / (num_classes - 1.0)) for c in range(num_classes)]
    else:
        head = num_classes // 2
        powers = [1.0] * head + [factor] * (num_classes - head)
    counts = np.array([int(max_count * power) for power in powers])
    if counts.min() < 1:
        raise ValueError(
            f"`imbalance_factor` must leave every class a sample. Received: "
            f"{imbalance_factor!r} with {max_count:g} samples of the largest class"
        )
    return counts


def imbalance_ratio(imbalance_factor) -> float:
    """Returns smallest class over largest, in (0, 1], from that or its inverse.

    >>> imbalance_ratio(10), imbalance_ratio(0.1)
    (0.1, 0.1)
    """
    if not (np.isfinite(imbalance_factor) and imbalance_factor > 0):
        raise ValueError(
            "`imbalance_factor` must be smallest class over largest, in (0, 1], or its "
            f"inverse. Received: {imbalance_factor!r}"
        )
    return imbalance_factor if imbalance_factor <= 1 else 1.0 / imbalance_factor


def long_tail_indices(
    labels: ArrayLike,
    num_classes: int,
    imbalance_factor: Any,
    seed: int = 1234,
    kind: str = "exponential",
    max_count: Any = None,
) -> Any:
    """Returns which samples of a balanced set form the published long-tailed draw.

    NumPy's legacy generator is seeded once. Then each class, in ascending order, has
    its samples shuffled, and the first `class_counts` of them are kept.

    Args:
        labels: Class ids in the order of the data set, shape `(n,)`.
        num_classes: Number of classes.
        imbalance_factor: Smallest class over largest, or its inverse.
        seed: 1234 in the RefCal code; LDAM-DRW's own default is 0.
        kind: `"exponential"` or `"step"`.
        max_count: Samples of the largest class; samples over classes by default, as
            in the published code, which takes balanced sets. Where a set is not
            balanced (SVHN), that many may not be there.

    Returns:
        Indices into `labels`, the classes one after another.

    Raises:
        ValueError: If labels are not `0 .. num_classes - 1` or a class holds fewer
            samples than its share.

    >>> long_tail_indices([0, 0, 0, 0, 1, 1, 1, 1], 2, 0.5).tolist()
    [0, 1, 2, 3, 5, 6]
    """
    labels = _checked_labels(labels, num_classes)
    if max_count is None:
        max_count = len(labels) / num_classes
    counts = class_counts(max_count, num_classes, imbalance_factor, kind)
    generator = np.random.RandomState(seed)
    chosen = []
    for label, count in enumerate(counts):
        members = np.flatnonzero(labels == label)
        if len(members) < count:
            raise ValueError(
                f"`imbalance_factor` {imbalance_factor!r} asks for {count} samples of "
                f"class {label}, which has {len(members)}. Give a smaller `max_count` "
                "or a smaller factor."
            )
        generator.shuffle(members)
        chosen.append(members[:count])
    return np.concatenate(chosen)


def validation_indices(labels: ArrayLike, fraction: float = 0.1, seed: int = 0) -> Any:
    """Returns a part of each class to validate on, and the rest to train on.

    Args:
        labels: Class ids, shape `(n,)`.
        fraction: Share of each class to hold out, in (0, 1), rounded; one sample or
            more of each class stays in training.
        seed: Seed of the choice.

    Returns:
        Indices to train on and indices held out, each in ascending order.

    Raises:
        ValueError: If the fraction is out of range or holds out nothing.

    >>> kept, held_out = validation_indices([0] * 10 + [1] * 4 + [2], 0.25)
    >>> len(kept), len(held_out)
    (12, 3)
    """
    check_in_range("fraction", fraction, 0, 1)
    labels = np.asarray(labels)
    generator = np.random.RandomState(seed)
    held_out = []
    for label in np.unique(labels):
        members = generator.permutation(np.flatnonzero(labels == label))
        count = min(round(fraction * len(members)), len(members) - 1)
        held_out.append(members[:count])
    held_out = np.sort(np.concatenate(held_out))
    if len(held_out) == 0:
        raise ValueError(
            f"`fraction` must hold out one sample or more. Received: {fraction!r} of "
            f"{len(labels)} samples"
        )
    return np.setdiff1d(np.arange(len(labels)), held_out), held_out


def checksum(indices: Any) -> str:
    """Returns the sha256 of indices, as little-endian 64-bit integers, in hex.

    >>> checksum([0, 1])[:8]
    '9d34149f'
    """
    return hashlib.sha256(np.asarray(indices).astype("<i8").tobytes()).hexdigest()


def _checked_labels(labels, num_classes):
    labels = np.asarray(labels)
    if labels.ndim != 1 or labels.size == 0 or labels.dtype.kind not in "iu":
        raise ValueError(
            "`labels` must be class ids of shape (n,). Received: "
            f"{labels.dtype} of shape {labels.shape}"
        )
    present = np.unique(labels)
    if present[0] < 0 or present[-1] >= num_classes:
        raise ValueError(
            f"`labels` must be class ids from 0 to {num_classes - 1}. Received ids "
            f"from {present[0]} to {present[-1]}."
        )
    if len(present) < num_classes:
        missing = np.setdiff1d(np.arange(num_classes), present)
        raise ValueError(
            "`labels` must hold every class. Missing: " + ", ".join(map(str, missing))
        )
    return labels
