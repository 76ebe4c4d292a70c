"""Fine bins of scores, from which rankings and equal masses follow.

The score is the log-odds of a class, which logits have where probabilities are 0 or 1
in any precision. The bins have equal width in a function of the log-odds x that never
saturates: `1 / sqrt(4 + |x|)` below 0, 1 minus that from 0 on. They are narrow near
even odds, and log-odds of 400 and 4000 are still told apart by hundreds of them.

No step reverses two numbers, so a higher score has the same bin or a later one.
"""

import numpy as np
from keras import ops

from keras_refcal.types import Tensor


def fine_index(log_odds: Tensor, resolution: int, xp=ops) -> Tensor:
    """Returns the fine bin of log-odds, int32 of their shape.

    Args:
        log_odds: `log(p / (1 - p))` of each probability p, infinite for 0 and 1.
        resolution: Number of bins.
        xp: `keras.ops`, or `counting_in_numpy` for arrays.
    """
    tail = 1 / xp.sqrt(4 + xp.abs(log_odds))
    index = xp.cast(resolution * xp.where(log_odds < 0, tail, 1 - tail), "int32")
    return xp.minimum(index, resolution - 1)


def fine_edges(resolution: int) -> np.ndarray:
    """Returns the edges of the fine bins as probabilities, float64 `(resolution + 1,)`.

    >>> fine_edges(6).round(4).tolist()
    [0.0, 0.0, 0.0067, 0.5, 0.9933, 1.0, 1.0]
    """
    u = np.linspace(0.0, 1.0, resolution + 1)
    with np.errstate(divide="ignore"):
        smaller = np.exp(4 - np.minimum(u, 1 - u) ** -2.0)
    smaller = smaller / (1 + smaller)
    return np.where(u < 0.5, smaller, 1 - smaller)
