"""Balanced contrastive loss: a pure function, one value a sample.

Shapes: B batch, V views, D features, C classes.
"""

import keras
from keras import ops

from keras_refcal.backend import l2_normalized_rows, sum_by_index
from keras_refcal.ops.contrastive import num_views, row_weights, same, view_rows
from keras_refcal.ops.division import divide_no_nan
from keras_refcal.ops.weights import scaled_to_mean
from keras_refcal.types import Tensor

# Up to a block there is one computation, whose backward pass computes nothing again.
_BLOCK_SIZE = 256

# Stands for minus infinity where infinity would turn a gradient into NaN.
_NEVER = -1e30
_TINY = 1e-37


def balanced_contrastive(
    embeddings: Tensor,
    prototypes: Tensor,
    labels: Tensor,
    sample_weight: Tensor | None = None,
    temperature=0.1,
    normalize=True,
) -> Tensor:
    """Returns the balanced contrastive loss of each sample, shape `(B,)`.

    Every view of every sample and one prototype of every class are contrasts. For an
    anchor i with positives P(i), contrasts A(i) without itself and temperature T,

        loss_i = -1 / |P(i)| · Σ_{p∈P(i)} log(e^{z_i·z_p/T} / Σ_{a∈A(i)} e^{z_i·z_a/T} / n_a)

    where n_a is how many of A(i) have the class of a. The value of a sample is the
    mean over its views. For rows of probabilities q see `BalancedContrastiveLoss`.

    Args:
        embeddings: Shape `(B, V, D)` or `(B, D)`.
        prototypes: Shape `(C, D)`.
        labels: Class ids, shape `(B,)`, or rows of probabilities, shape `(B, C)`.
        sample_weight: Shape `(B,)` or `None`; a weight counts as that many samples.
        temperature: T, dimensionless, positive.
        normalize: Whether to scale embeddings and prototypes to unit length.
    """  # noqa: E501
    anchors = view_rows(embeddings, normalize, temperature)
    if normalize:
        prototypes = l2_normalized_rows(prototypes)
    prototypes = ops.cast(prototypes, anchors.dtype) * temperature**-0.5
    views, batch_size = num_views(embeddings), ops.shape(embeddings)[0]
    weights = row_weights(sample_weight, views, batch_size, anchors.dtype)
    labels = ops.tile(labels, (views,) + (1,) * (len(labels.shape) - 1))
    values = _anchor_values(anchors, prototypes, labels, weights)
    values = ops.mean(ops.reshape(values, (views, batch_size)), axis=0)
    return scaled_to_mean(values, sample_weight)


def _anchor_values(anchors, prototypes, labels, weights):
    """Returns the loss of each anchor, shape `(N,)`, computed block by block."""
    num_classes = prototypes.shape[0]
    rows = ops.concatenate([anchors, prototypes], axis=0)
    ones = ops.ones((num_classes,), weights.dtype)
    if len(labels.shape) == 1:
        values_of, values_again = _values_of_ids, _ids_again
        classes = ops.cast(labels, "int32")
        sizes = 1 + sum_by_index(weights[:, None], classes, num_classes)[:, 0]
        labels = ops.concatenate(
            [classes, ops.arange(num_classes, dtype="int32")], axis=0
        )
    else:
        values_of, values_again = _values_of_rows, _rows_again
        sizes = 1 + ops.matmul(weights, labels)
    weights = ops.concatenate([weights, ones], axis=0)
    index = ops.arange(ops.shape(anchors)[0], dtype="int32")
    if anchors.shape[0] is not None and anchors.shape[0] <= _BLOCK_SIZE:
        return values_of(index, rows, labels, weights, sizes)
    in_blocks = ops.map(
        lambda block: values_again(block, rows, labels, weights, sizes),
        _blocks(index),
    )
    return ops.reshape(in_blocks, (-1,))[: ops.shape(index)[0]]


def _values_of_ids(index, rows, classes, weights, sizes):
    """Returns the loss of the anchors `rows[index]` among all rows.

    Args:
        index: Which rows the anchors are, shape `(N,)`.
        rows: Anchors and prototypes, shape `(M, D)`.
        classes: Class of each row, shape `(M,)`.
        weights: Weight of each row, shape `(M,)`.
        sizes: Sum of the weights of each class, shape `(C,)`.
    """
    positives = ops.cast(same(ops.take(classes, index), classes), rows.dtype)
    # The anchor is not among its own contrasts.
    own = ops.take(weights, index)[:, None]
    sizes = ops.take(sizes, classes)[None, :] - positives * own
    return _anchor_losses(
        ops.take(rows, index, axis=0), rows, weights / sizes, positives * weights, index
    )


def _values_of_rows(index, rows, labels, weights, sizes):
    """Returns the same for soft labels of the anchors, shape `(M - C, C)`."""
    own = ops.take(labels, index, axis=0)
    own_weights = ops.take(weights, index)[:, None]
    of_class = 1 / (sizes - own * own_weights)
    # A prototype is one-hot.
    contrasts = [ops.matmul(of_class, ops.transpose(labels)), of_class]
    positives = [ops.matmul(own, ops.transpose(labels)), own]
    return _anchor_losses(
        ops.take(rows, index, axis=0),
        rows,
        ops.concatenate(contrasts, axis=1) * weights,
        ops.concatenate(positives, axis=1) * weights,
        index,
    )


# Their backward pass computes a block again: nothing N x N is kept.
_ids_again, _rows_again = keras.remat(_values_of_ids), keras.remat(_values_of_rows)


def _blocks(index):
    """Returns the indices as rows of equal length; the last one fills the end."""
    size = ops.shape(index)[0]
    padded = -(-size // _BLOCK_SIZE) * _BLOCK_SIZE
    index = ops.minimum(ops.arange(padded, dtype=index.dtype), size - 1)
    return ops.reshape(index, (-1, _BLOCK_SIZE))


def _anchor_losses(anchors, rows, contrasts, positives, index):
    """Returns `log Σ_a c_ia e^{s_ia} - Σ_p m_ip s_ip / Σ_p m_ip`, shape `(N,)`.

    Args:
        anchors: `rows[index]`, shape `(N, D)`.
        rows: Embeddings that are divided by the square root of the temperature,
            shape `(M, D)`.
        contrasts: Factor c of each exponential, shape `(N, M)`; that of the anchor
            itself is ignored.
        positives: Weight m of each positive, shape `(N, M)`; likewise.
        index: Which rows the anchors are, shape `(N,)`.
    """
    similarity = ops.matmul(anchors, ops.transpose(rows))
    contrast = ops.arange(ops.shape(rows)[0], dtype="int32")
    others = ops.cast(index[:, None] != contrast[None, :], rows.dtype)
    contrasts, positives = contrasts * others, positives * others
    similarity = ops.where(contrasts > 0, similarity, _NEVER)
    maximum = ops.stop_gradient(ops.max(similarity, axis=1, keepdims=True))
    shifted = similarity - maximum
    total = ops.sum(contrasts * ops.exp(shifted), axis=1)
    count = ops.sum(positives, axis=1)
    mean = divide_no_nan(ops.sum(positives * shifted, axis=1), count)
    return ops.where(count > 0, ops.log(ops.maximum(total, _TINY)) - mean, 0.0)
