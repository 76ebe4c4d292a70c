"""AdaFocal: bins of confidence and the exponent of each, pure functions.

Shapes: B batch, C classes, M bins.
"""

from keras import ops

from keras_refcal.backend import searchsorted
from keras_refcal.ops.bins import published_mass_edges
from keras_refcal.types import Tensor


def bin_gammas(probabilities: Tensor, inner_edges: Tensor, gammas: Tensor) -> Tensor:
    """Returns the exponent of the bin that each probability lies in, same shape.

    Args:
        probabilities: Any shape.
        inner_edges: Ascending, shape `(M - 1,)`; an edge opens the bin above it.
        gammas: Shape `(M,)`.
    """
    index = searchsorted(inner_edges, ops.reshape(probabilities, (-1,)), "right")
    return ops.reshape(ops.take(gammas, index), ops.shape(probabilities))


def signed_focal(targets: Tensor, logits: Tensor, gammas: Tensor) -> Tensor:
    """Returns `-sum_c q_c (1 - s p_c)^|gamma| log p_c`, s the sign of gamma, `(B,)`.

    Args:
        targets: Rows of probabilities q, shape `(B, C)`.
        logits: Shape `(B, C)`.
        gammas: Shape `(B, C)`; a negative one raises the loss of confident samples.
    """
    log_p = ops.log_softmax(logits, axis=-1)
    log_less = ops.log(ops.maximum(-ops.expm1(log_p), 1e-30))
    log_more = ops.log1p(ops.exp(log_p))
    exponent = ops.where(gammas >= 0, gammas * log_less, -gammas * log_more)
    return -ops.sum(targets * ops.exp(exponent) * log_p, axis=-1)


def equal_mass_bins(confidences: Tensor, correct: Tensor, num_bins: int):
    """Returns edges, shares and calibration gaps of bins with equally many samples.

    The edges divide the sorted confidences; a sample is in a bin if it lies above its
    lower and not above its upper edge, so the least confidence is in none.

    Args:
        confidences: Shape `(N,)`.
        correct: 0 or 1, shape `(N,)`.
        num_bins: M.

    Returns:
        Edges, shape `(M + 1,)`; the share of the samples in each bin, `(M,)`; mean
        confidence minus accuracy of each bin, `(M,)`, 0 for an empty one.
    """
    confidences = ops.cast(confidences, "float32")
    correct = ops.cast(correct, "float32")
    size = confidences.shape[0]
    edges = published_mass_edges(ops.convert_to_numpy(confidences), num_bins)
    edges = ops.convert_to_tensor(edges, "float32")
    inside = ops.logical_and(
        confidences[:, None] > edges[None, :-1], confidences[:, None] <= edges[None, 1:]
    )
    inside = ops.cast(inside, "float32")
    count = ops.sum(inside, axis=0)
    gap = ops.sum(inside * (confidences - correct)[:, None], axis=0)
    return edges, count / size, ops.divide_no_nan(gap, count)


def update_gammas(
    gammas: Tensor, gaps: Tensor, adaptation=1.0, switch=0.2, low=-2.0, high=20.0
) -> Tensor:
    """Returns the exponents after one look at the validation set, shape `(M,)`.

    An over-confident bin (gap > 0) gets a greater exponent, `gamma e^(a gap)`; one
    whose exponent falls below `switch` in size changes sign.

    Args:
        gammas: Shape `(M,)`.
        gaps: Mean confidence minus accuracy of each bin, shape `(M,)`.
        adaptation: a, positive.
        switch: Positive.
        low: Least exponent.
        high: Greatest exponent.
    """
    positive = gammas > 0
    grown = gammas * ops.exp(ops.where(positive, adaptation, -adaptation) * gaps)
    switched = ops.where(positive, -switch, switch)
    return ops.clip(ops.where(ops.abs(grown) < switch, switched, grown), low, high)
