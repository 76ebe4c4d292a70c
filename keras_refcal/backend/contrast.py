"""The supervised contrastive loss of each anchor, in Keras operations.

Where the similarities of a batch are one small table, everything is read from it. For
larger batches the mean over positives needs no similarities: it is the anchor times the
sum of its class. Only the log-sum-exp over all others is quadratic; it is computed in
tiles, in the backward pass again.

Shapes: B batch, V views, N = V * B rows, D features.
"""

import keras
from keras import ops

from keras_refcal.backend.tiles import SOFT_ROUNDING, default_block_size
from keras_refcal.types import Tensor

_TINY = 1e-37


def anchor_losses(
    rows: Tensor,
    weights: Tensor | None,
    positives: Tensor,
    block_size=None,
    bounded=False,
    *,
    log_sum_exp_of_others,
    sum_by_index,
) -> Tensor:
    """Returns `log Σ_a w_a e^{z_i·z_a} - Σ_p w_p z_i·z_p / Σ_p w_p`, shape `(N,)`.

    Args:
        rows: Embeddings over the square root of the temperature, view after view,
            shape `(N, D)`.
        weights: Weight of each row, shape `(N,)`, or `None`.
        positives: Class ids, shape `(B,)`; a boolean mask, shape `(B, B)`; or rows
            of probabilities q, shape `(B, C)`, of which the weight `w_p` of a pair
            has the factor `q_i · q_p` in the second term.
        block_size: Rows of a block, or `None` for what suits the backend.
        bounded: Whether all similarities are within ±60.
        log_sum_exp_of_others: That function of the backend.
        sum_by_index: That function of the backend.
    """
    block_size = block_size or default_block_size(rows.shape[0])
    if weights is None:
        weights, log_scale = ops.ones_like(rows[:, 0]), 0.0
    else:
        largest = ops.max(weights)
        largest = ops.where(largest > 0, largest, 1.0)
        weights, log_scale = weights / largest, ops.log(largest)
    is_known = None not in (rows.shape[0], positives.shape[0])
    if bounded and is_known and rows.shape[0] <= block_size:
        values, count = _of_one_table(rows, weights, positives)
    else:
        total = log_sum_exp_of_others(rows, weights, block_size, bounded)
        mean, count = _mean_similarity_of_positives(
            rows, weights, positives, sum_by_index
        )
        values = total - mean
    return ops.where(count > 0, values + log_scale, 0.0)


def _of_one_table(rows, weights, positives):
    """Returns the losses and the sums of the weights of the positives, `(N,)` both."""
    views = rows.shape[0] // positives.shape[0]
    mask = positives
    if len(positives.shape) == 1:
        mask = mask[:, None] == mask
    elif is_soft(positives):
        mask = ops.matmul(mask, ops.transpose(mask))
    mask = _without_diagonal(ops.cast(ops.tile(mask, (views, views)), rows.dtype))
    is_mask = len(positives.shape) == 2 and not is_soft(positives)
    as_contrasts = ops.transpose(mask) if is_mask else mask
    count = ops.matmul(mask, weights)
    shares = ops.divide_no_nan(ops.ones_like(count), count)

    @ops.custom_gradient
    def losses(rows):
        similarities = ops.matmul(rows, ops.transpose(rows))
        powers = _without_diagonal(ops.exp(similarities))
        total = ops.maximum(ops.matmul(powers, weights), _TINY)
        mean = ops.matmul(mask * similarities, weights) * shares

        def gradient(upstream):
            anchor, positive = upstream / total, upstream * shares
            pull = powers * (_outer(anchor, weights) + _outer(weights, anchor))
            pull = pull - mask * _outer(positive, weights)
            pull = pull - as_contrasts * _outer(weights, positive)
            return ops.matmul(pull, rows)

        return ops.log(total) - mean, gradient

    return losses(rows), count


def is_soft(positives):
    """Whether positives are rows of probabilities, rather than class ids or a mask."""
    dtype = keras.backend.standardize_dtype(positives.dtype)
    return len(positives.shape) == 2 and dtype != "bool"


def _without_diagonal(table):
    index = ops.arange(table.shape[0])
    return ops.where(index[:, None] == index, 0.0, table)


def _outer(x, y):
    return x[:, None] * y


def _mean_similarity_of_positives(rows, weights, positives, sum_by_index):
    """Returns the weighted mean and the sum of the weights, both of shape `(N,)`."""
    size, batch_size = ops.shape(rows)[0], ops.shape(positives)[0]
    views = size // batch_size
    weighted = ops.concatenate([rows, ops.ones_like(rows[:, :1])], axis=1)
    weighted = weighted * weights[:, None]
    of_sample = ops.sum(
        ops.reshape(weighted, (views, batch_size, weighted.shape[1])), axis=0
    )
    itself = weighted
    if len(positives.shape) == 1:
        sums = _sums_over_classes(of_sample, positives, sum_by_index)
    elif is_soft(positives):
        sums = ops.matmul(ops.transpose(positives), of_sample)
        sums = ops.matmul(positives, sums)
        itself = ops.tile(ops.sum(positives * positives, axis=1), (views,))[:, None]
        itself = itself * weighted
    else:
        mask = ops.cast(positives, rows.dtype)
        sums = ops.matmul(mask, of_sample)
        itself = ops.tile(ops.diagonal(mask), (views,))[:, None] * weighted
    sums = ops.tile(sums, (views, 1))
    others = sums - itself
    count = others[:, -1]
    if is_soft(positives):
        # What is left of a difference of fractions if there is no other.
        count = ops.where(count > SOFT_ROUNDING * sums[:, -1], count, 0.0)
    return ops.divide_no_nan(ops.sum(rows * others[:, :-1], axis=1), count), count


def _sums_over_classes(table, labels, sum_by_index):
    """Returns, for each sample, the sum over the samples of its class."""
    groups = _consecutive(labels)
    sums = sum_by_index(table, groups, ops.shape(table)[0])
    return ops.take(sums, groups, axis=0)


def _consecutive(labels):
    """Returns labels, whatever their values, as ids from 0 on, in their order."""
    order = ops.argsort(labels)
    ordered = ops.take(labels, order)
    is_new = ops.cast(ordered[1:] != ordered[:-1], "int32")
    ids = ops.concatenate([ops.zeros_like(order[:1], "int32"), ops.cumsum(is_new)])
    return ops.take(ids, ops.argsort(order))
