"""All bins: of equal width, of equal mass, and the fine ones that metrics count in.

A value's bin follows from the inner edges alone, so 0 falls in the first bin and 1 in
the last whichever side the bins are closed on. Values are binned in float32, where
streaming and exact evaluation see the same numbers.

Bins of equal mass are of four kinds, since published code and what can be computed
differ. `published_mass_edges` interpolate order statistics as most papers' code does;
`netcal_mass_edges` are NumPy's quantiles; `weighted_mass_edges` never tear equal scores
apart, so that a map can be fitted to them; and `equal_mass_counts` cuts the fine bins
of a stream.

Fine bins are of scores, from which rankings and equal masses follow. The score is the
log-odds of a class, which logits have where probabilities are 0 or 1 in any precision.
The bins have equal width in a function of the log-odds x that never saturates:
`1 / sqrt(4 + |x|)` below 0, 1 minus that from 0 on. They are narrow near even odds, and
log-odds of 400 and 4000 are still told apart by hundreds of them. No step reverses two
numbers, so a higher score has the same bin or a later one.
"""

import numpy as np
from keras import ops

from keras_refcal.backend import cumsum, searchsorted
from keras_refcal.ops.calibration_error import positive
from keras_refcal.ops.division import divide, divide_no_nan
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
    values = ops.cast(values, "float32")
    flat = searchsorted(inner, ops.reshape(values, (-1,)), side=side)
    return ops.reshape(flat, ops.shape(values))


def _number_of_edges_below(values, edges, side):
    is_below = np.less if side == "left" else np.less_equal
    index = np.zeros(values.shape, "uint8")
    for edge in edges:
        index += is_below(edge, values)
    return index.astype("intp")


def published_mass_edges(values, num_bins) -> np.ndarray:
    """Returns the sorted values interpolated at `linspace(0, n, num_bins + 1)`.

    The position n is read as the maximum, as published code does.
    """
    ordered = np.sort(values)
    positions = np.linspace(0, len(ordered), num_bins + 1)
    return np.interp(positions, np.arange(len(ordered)), ordered)


def netcal_mass_edges(values, num_bins) -> np.ndarray:
    """Returns NumPy's quantiles of the values, the first set to 0, the last to 1."""
    edges = np.quantile(values, np.linspace(0, 1, num_bins + 1))
    edges[0], edges[-1] = 0.0, 1.0
    return edges


def weighted_mass_edges(scores, weights, num_bins) -> np.ndarray:
    """Returns inner edges: midpoints where the mass passes each multiple of 1 / B.

    A score that occurs several times is not torn apart: the edge lies behind it.

    Args:
        scores: Shape `(n,)`.
        weights: Positive, shape `(n,)`.
        num_bins: Number of bins B.

    >>> weighted_mass_edges(np.array([0.4, 0.1, 0.2, 0.3]), np.ones(4), 2).round(3)
    array([0.25])
    """
    order = np.argsort(scores, kind="stable")
    mass = np.cumsum(weights[order])
    wanted = np.arange(1, num_bins) / num_bins * mass[-1]
    right = np.clip(np.searchsorted(mass, wanted * (1 - 1e-9)), 0, len(order) - 1)
    ordered = scores[order]
    beyond = np.searchsorted(ordered, ordered[right], side="right")
    return (ordered[right] + ordered[np.minimum(beyond, len(order) - 1)]) / 2


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


def fine_mass_edges(weight, num_bins) -> np.ndarray:
    """Returns edges between which fine bins hold equal weight, `(num_bins + 1,)`.

    Args:
        weight: Of each fine bin, shape `(resolution,)`.
        num_bins: Number of bins.
    """
    reached = np.concatenate([[0.0], np.cumsum(weight, dtype="float64")])
    wanted = np.linspace(0, reached[-1], num_bins + 1)
    edges = np.interp(wanted, reached, fine_edges(len(weight)))
    edges[0], edges[-1] = 0.0, 1.0
    return edges


def equal_mass_counts(counts: Tensor, num_bins: int) -> Tensor:
    """Returns the counters of bins that hold the same weight each.

    Where a boundary falls inside a fine bin, its samples go to both sides in
    proportion, as if they were all alike.

    Args:
        counts: Weight and any sums of fine bins, shape `(F, ..., M)`, weight first.
        num_bins: Number of bins.

    Returns:
        Shape `(F, ..., num_bins)`.
    """
    boundaries = _boundaries(counts[0], num_bins)
    index = _bin_of(counts[0], boundaries)
    inside, below = _at(counts, index), _at(_below(counts), index)
    part = divide_no_nan(boundaries - below[0], inside[0])
    at = below + ops.clip(part, 0.0, 1.0) * inside
    total = ops.sum(counts, axis=-1, keepdims=True)
    ends = ops.concatenate([ops.zeros_like(total), at, total], axis=-1)
    return ends[..., 1:] - ends[..., :-1]


def equal_mass_distance(counts: Tensor, num_bins: int, slack: int) -> Tensor:
    """Returns how much the l1 error can change by other cuts of the fine bins.

    Moving samples from one bin to the next changes both gaps, each by the difference of
    their confidence c and their right answers t: by the greater of the two at most.

    Args:
        counts: Weight, confidence and right answers of fine bins, `(3, ..., M)`.
        num_bins: Number of bins.
        slack: How many samples lower than here a boundary may lie.

    Returns:
        Shape `(...)`; NaN without samples.
    """
    weight, confidence, correct = ops.unstack(counts)
    moved = ops.where(confidence > correct, confidence, correct)
    boundaries = _boundaries(weight, num_bins)
    first = _bin_of(weight, positive(boundaries - slack))
    last = _bin_of(weight, boundaries + 1)
    reached, below = cumsum(moved), _below(moved)
    moves = _at(reached, last) - _at(below, first)
    smallest = ops.logical_and(weight > 0, ops.equal(_below(weight), 0))
    dropped = ops.sum(ops.where(smallest, moved, 0.0), axis=-1)
    return divide(2 * ops.sum(moves, axis=-1) + dropped, ops.sum(weight, axis=-1))


def _boundaries(weight, num_bins):
    """Returns the weight below each inner boundary, shape `(..., num_bins - 1)`."""
    steps = ops.arange(1, num_bins, dtype=weight.dtype) / num_bins
    return ops.sum(weight, axis=-1, keepdims=True) * steps


def _bin_of(weight, reached):
    """Returns the first fine bin up to which the weight reaches a number."""
    before = cumsum(weight)[..., None, :] < reached[..., None]
    index = ops.sum(ops.cast(before, "int32"), axis=-1)
    return ops.minimum(index, weight.shape[-1] - 1)


def _below(values):
    return cumsum(values) - values


def _at(values, index):
    index = ops.broadcast_to(index, (*values.shape[:-1], index.shape[-1]))
    return ops.take_along_axis(values, index, axis=-1)
