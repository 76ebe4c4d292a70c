"""Percentile bootstrap, by resampled rows or, for counters, in one pass."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from keras_refcal.evaluation.calibration import BinCounts
from keras_refcal.predictions import as_weights

CHUNK_ROWS = 4096


def percentile_interval(values, level=0.95) -> tuple[float, float]:
    """Returns the central interval of replicates; undefined (NaN) ones are left out.

    Args:
        values: One figure of each replicate, shape `(replicates,)`.
        level: Share of the replicates inside, in (0, 1).
    """
    values = np.asarray(values, "float64")
    values = values[~np.isnan(values)]
    if not values.size:
        return np.nan, np.nan
    tails = [(1 - level) / 2, (1 + level) / 2]
    # Order statistics stay finite beside an infinite replicate; interpolation not.
    return tuple(np.quantile(values, tails, method="nearest").tolist())


class PoissonBootstrap:
    """Bootstrap of bin counters in one pass over data that need not fit in memory.

    Each replicate weighs each sample by a Poisson(1) count, which is what drawing
    rows with replacement tends to (Oza and Russell 2001). The memory is
    `3 * replicates * num_bins` numbers, whatever the number of samples.

    Args:
        num_bins: Number of bins.
        replicates: Number of bootstrap replicates.
        seed: Seed of the Poisson counts.

    >>> bootstrap = PoissonBootstrap(num_bins=2, replicates=100)
    >>> bootstrap.update([0, 1, 1], confidence=[0.4, 0.8, 0.9], correct=[0, 1, 1])
    >>> bootstrap.counts.weight.shape
    (100, 2)
    """

    def __init__(self, num_bins: Any, replicates: int = 200, seed: int = 0):
        self.num_bins = num_bins
        self.replicates = replicates
        self._generator = np.random.default_rng(seed)
        self._sums = np.zeros((replicates, 3 * num_bins))

    def update(
        self, index: Any, confidence: Any, correct: Any, weight: ArrayLike | None = None
    ) -> None:
        """Adds samples to every replicate.

        Args:
            index: Bin of each sample, shape `(n,)`, see `ops.bins.bin_index`.
            confidence: Shape `(n,)`.
            correct: Booleans, shape `(n,)`.
            weight: Shape `(n,)`, or `None` for 1 each.
        """
        index = np.asarray(index)
        weight = as_weights("weight", weight, len(index))
        columns = np.stack(
            [weight, weight * np.asarray(confidence), weight * np.asarray(correct)]
        )
        for start in range(0, len(index), CHUNK_ROWS):
            rows = slice(start, start + CHUNK_ROWS)
            inside = index[rows, None] == np.arange(self.num_bins)
            cells = np.hstack([inside * column[rows, None] for column in columns])
            draws = self._generator.poisson(1.0, (self.replicates, len(cells)))
            self._sums += draws.astype("float64") @ cells

    @property
    def counts(self) -> BinCounts:
        """The counters of every replicate, `(replicates, num_bins)` each."""
        return BinCounts(*np.split(self._sums, 3, axis=1))

    def interval(self, error: Any, level: float = 0.95) -> tuple[float, float]:
        """Returns the percentile interval of a figure of the counters.

        Args:
            error: Function of `BinCounts`, such as
                `functools.partial(ops.calibration_error.expected_error, xp=numpy)`.
            level: Share of the replicates inside, in (0, 1).
        """
        return percentile_interval(error(self.counts), level)
