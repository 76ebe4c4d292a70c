"""Fine bins of probabilities, from which rankings and equal masses follow.

The bins have equal width in `p^(1/4) / (p^(1/4) + (1 - p)^(1/4))`: they narrow towards
0 and 1, where the probabilities of a trained classifier lie. They are found from the
odds against, `(1 - p) / p`, which logits give exactly where float32 probabilities are
1. No step reverses two numbers, so lower odds have the same bin or a later one.
"""

import numpy as np
from keras import ops

from keras_refcal.types import Tensor


def fine_index(odds: Tensor, num_bins: int, xp=ops) -> Tensor:
    """Returns the fine bin of probabilities, int32 of the shape of `odds`.

    Args:
        odds: `(1 - p) / p` of each probability p, from 0 to infinity.
        num_bins: Number of bins.
        xp: `keras.ops`, or `counting_in_numpy` for arrays.
    """
    index = xp.cast(num_bins / (1 + xp.sqrt(xp.sqrt(odds))), "int32")
    return xp.minimum(index, num_bins - 1)


def fine_edges(num_bins: int) -> np.ndarray:
    """Returns the edges of the fine bins, float64 of shape `(num_bins + 1,)`.

    >>> fine_edges(4).round(4).tolist()
    [0.0, 0.0122, 0.5, 0.9878, 1.0]
    """
    u = np.linspace(0.0, 1.0, num_bins + 1)
    return u**4 / (u**4 + (1 - u) ** 4)
