"""Which training images of a data set are used, and why not all of them."""

import dataclasses

import numpy as np

from keras_refcal.data.long_tail import SPLIT_SEED, checksum, long_tail_indices
from keras_refcal.data.tfds_sets import NAMES
from keras_refcal.validation import check_integer

# Sets by name that a long tail is cut from, at the paper's factor, unless a flag asks
# for another or none. `cifar10_corrupted` has no training part.
OF_TFDS = {*NAMES} - {"cifar10_corrupted"}
BENCHMARKS = {"digits", "tiny_imagenet", *OF_TFDS}
BENCHMARK_FACTOR = 0.1
ALL = "none"
# What flags say about it.
IMBALANCE = (
    "Cuts a long tail: smallest class over largest, in (0, 1], or its inverse; 'none' "
    "uses all images. Not given, it is 0.1 for the benchmarks by name ("
    f"{', '.join(sorted(BENCHMARKS))}) and none for every other set."
)
MAX_COUNT = (
    "Images of the largest class, by default images over classes; where no long tail "
    "is cut, the most that any class keeps, by default all."
)


@dataclasses.dataclass(frozen=True)
class Draw:
    """A choice of training images.

    Attributes:
        chosen: Their numbers, shape `(n,)`.
        imbalance_factor: The factor that shaped it, or `None`.
        why: Why it is not all images, in words.
        total: How many images there are.
    """

    chosen: np.ndarray
    imbalance_factor: float | None
    why: str
    total: int

    @property
    def sha256(self):
        """Checksum of the numbers, see `checksum`."""
        return checksum(self.chosen)

    def of(self, images):
        """Returns the `ImageData` with the chosen images as training part."""
        everything = len(self.chosen) == self.total and self.imbalance_factor is None
        return images if everything else images.trained_on(self.chosen)

    def __str__(self):
        """How many images are used and, if not all, why."""
        if len(self.chosen) == self.total:
            return f"{self.total} training images"
        return f"uses {len(self.chosen)} of {self.total} images, because {self.why}"


def draw(
    images,
    name,
    imbalance_factor=None,
    seed=SPLIT_SEED,
    kind="exponential",
    max_count=None,
):
    """Returns the `Draw` that the flags of a command ask for.

    Args:
        images: An `ImageData`.
        name: What the user calls it: a name of `load`, or a path.
        imbalance_factor: Cuts a long tail, see `long_tail_indices`. `None` is 0.1 for
            the `BENCHMARKS` by name, and all images of any other set; `"none"` is all
            images of any set.
        seed: Seed of what is drawn.
        kind: `"exponential"` or `"step"`.
        max_count: Images of the largest class; without a factor, the most that any
            class keeps.

    Raises:
        ValueError: If an argument is out of range or has no effect where nothing is
            drawn, or a class holds too few images.
    """
    if max_count is not None:
        check_integer("max_count", max_count, 1)
    labels, why = images.train_labels, f"`imbalance_factor` is {imbalance_factor}"
    if imbalance_factor is None and _is_benchmark(name):
        imbalance_factor = BENCHMARK_FACTOR
        why = (
            f"`imbalance_factor` is {BENCHMARK_FACTOR} for this benchmark "
            f"({ALL!r} takes all)"
        )
    if imbalance_factor not in (None, ALL):
        factor = float(imbalance_factor)
        chosen = long_tail_indices(
            labels, images.num_classes, factor, seed, kind, max_count
        )
        return Draw(chosen, factor, why, len(labels))
    if max_count is None:
        if seed != SPLIT_SEED and not images.is_split:
            raise ValueError(
                f"`split_seed` has no effect where nothing is drawn: all {len(labels)} "
                f"images are used. Received: {seed}"
            )
        return Draw(np.arange(len(labels)), None, "", len(labels))
    chosen = _capped(labels, max_count, seed)
    return Draw(chosen, None, f"`max_count` is {max_count}", len(labels))


def _is_benchmark(name):
    """Whether `load` takes a name for that of a benchmark, not for a path."""
    return name in BENCHMARKS or name.split("/")[0] in OF_TFDS


def _capped(labels, most, seed):
    """Returns the numbers of at most so many samples of each class, ascending."""
    generator = np.random.RandomState(seed)
    members = (np.flatnonzero(labels == label) for label in np.unique(labels))
    kept = [generator.permutation(numbers)[:most] for numbers in members]
    return np.sort(np.concatenate([np.zeros(0, "int64"), *kept]))
