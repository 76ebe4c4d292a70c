"""The one binning of confidences, shared by metrics, losses, curves and reports.

A value's bin follows from the inner edges alone, so 0 falls in the first bin and 1 in
the last whichever side the bins are closed on. Values are binned in float32, where
streaming and exact evaluation see the same numbers.
"""

import numpy as np

from keras_refcal.types import Tensor

# So many values are compared with so few edges, one after another, in less time than
# they are looked up among them.
_MANY_VALUES, _FEW_EDGES = 2**14, 32

CONVENTIONS = ("guo", "netcal", "torchmetrics")


def uniform_edges(num_bins: int) -> np.ndarray:
    """Returns the float32 edges of `num_bins` bins of equal width on [0, 1].

    >>> uniform_edges(4).tolist()
    [0.0, 0.25, 0.5, 0.75, 1.0]
    """
    if not isinstance(num_bins, int | np.integer) or num_bins < 1:
        raise ValueError(
            f"`num_bins` must be a whole number of 1 or more. Received: {num_bins!r}"
        )
    return np.linspace(0.0, 1.0, int(num_bins) + 1).astype("float32")


def convention_edges(num_bins: int, convention="guo") -> tuple[np.ndarray, str]:
    """Returns the edges, and the side that closes a bin, of a published convention.

    Args:
        num_bins: Number of equal-width bins.
        convention: `"guo"` has bins (a, b] (Guo et al. 2017 and most papers);
            `"netcal"` has [a, b), the last one closed; `"torchmetrics"` is as netcal,
            but a confidence of exactly 1 is in a bin of its own, one more in all.
    """
    edges = uniform_edges(num_bins)
    if convention == "guo":
        return edges, "right"
    if convention == "netcal":
        return edges, "left"
    if convention == "torchmetrics":
        return np.append(edges, edges[-1]), "left"
    raise ValueError(
        f"`convention` must be one of {sorted(CONVENTIONS)}. Received: {convention!r}"
    )


def bin_index(values: Tensor, edges, closed="right", xp=None) -> Tensor:
    """Returns the bin of each value, an integer tensor of the shape of `values`.

    Args:
        values: Values in [0, 1], any shape; read as float32.
        edges: Edges in ascending order, shape `(num_bins + 1,)`.
        closed: `"right"` for bins (a, b], `"left"` for [a, b).
        xp: `numpy`, or `None` for NumPy on arrays and `keras.ops` on tensors.

    >>> bin_index(np.array([0.0, 0.25, 0.3, 1.0]), uniform_edges(4), xp=np).tolist()
    [0, 0, 1, 3]
    """
    if closed not in ("left", "right"):
        raise ValueError(f"`closed` must be 'left' or 'right'. Received: {closed!r}")
    inner = np.asarray(edges, "float32")[1:-1]
    side = "left" if closed == "right" else "right"
    if xp is np or isinstance(values, np.ndarray):
        values = np.asarray(values, "float32")
        if values.size > _MANY_VALUES and len(inner) <= _FEW_EDGES:
            return _number_of_edges_below(values, inner, side)
        return inner.searchsorted(values, side=side)
    from keras import ops

    from keras_refcal.backend import searchsorted

    values = ops.cast(values, "float32")
    flat = searchsorted(inner, ops.reshape(values, (-1,)), side=side)
    return ops.reshape(flat, ops.shape(values))


def _number_of_edges_below(values, edges, side):
    is_below = np.less if side == "left" else np.less_equal
    index = np.zeros(values.shape, "uint8")
    for edge in edges:
        index += is_below(edge, values)
    return index.astype("intp")
