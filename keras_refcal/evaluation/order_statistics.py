"""Order statistics and partial sums of many numbers, without sorting them all."""

import numpy as np

from keras_refcal.evaluation.radix_keys import NUM_KEYS, radix_keys


class OrderStatistics:
    """The numbers at some positions in sorted order, and sums up to some numbers.

    All numbers are counted and added up by their leading bits. Only those that share
    these with a number that is asked for are sorted.

    Args:
        values: Numbers in [0, 2), float32 or float64 of shape `(n,)`.
        positions: Positions in sorted order, shape `(m,)`.
        others: Further numbers whose `sum_up_to` or `sum_below` will be asked for.

    Attributes:
        at_positions: The numbers at the positions, shape `(m,)`.
    """

    def __init__(self, values, positions, others=()):
        keys = radix_keys(values)
        counts = np.bincount(keys, minlength=NUM_KEYS)
        sums = np.bincount(keys, values, minlength=NUM_KEYS)
        self._sums_before = np.cumsum(sums) - sums
        ends = np.cumsum(counts)
        buckets = np.searchsorted(ends, positions, "right")
        is_open = np.zeros(NUM_KEYS, bool)
        is_open[buckets] = True
        is_open[radix_keys(np.asarray(others, values.dtype))] = True
        self._sorted = np.sort(values[np.take(is_open, keys)])
        self._sorted_keys = radix_keys(self._sorted)
        self._sorted_sums = np.append(0.0, np.cumsum(self._sorted, dtype="float64"))
        offsets = positions - (ends - counts)[buckets]
        first = np.searchsorted(self._sorted_keys, buckets)
        self.at_positions = self._sorted[first + offsets]

    def sum_up_to(self, limits):
        """Returns the sum of the numbers `<=` each of `at_positions` or `others`."""
        return self._sum(limits, "right")

    def sum_below(self, limits):
        """Returns the sum of the numbers `<` each of `at_positions` or `others`."""
        return self._sum(limits, "left")

    def _sum(self, limits, side):
        limits = np.asarray(limits, self._sorted.dtype)
        keys = radix_keys(limits)
        inside = np.searchsorted(self._sorted, limits, side)
        first = np.searchsorted(self._sorted_keys, keys)
        sums = self._sorted_sums[inside] - self._sorted_sums[first]
        return self._sums_before[keys] + sums
