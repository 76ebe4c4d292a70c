"""Contrastive losses: pure functions of a batch of embeddings, one value a sample.

Shapes: B batch, V views, D features, C classes. `embeddings` are `(B, V, D)`, or
`(B, D)` for one view. Every view of every sample is a contrast; a sample is never its
own contrast. `sample_weight` is `(B,)` or `None` and counts everywhere: in the sum
over contrasts, in the mean over positives and in the mean over anchors, so weight 0
equals absence. An anchor without a positive adds 0. All values are in nats.
"""

from keras import ops

from keras_refcal.backend import anchor_losses, l2_normalized_rows
from keras_refcal.ops.weights import scaled_to_mean
from keras_refcal.types import Tensor

# Unit vectors over this temperature have similarities within ±60, whose exponentials
# float32 holds and sums without a shift.
_MIN_BOUNDED_TEMPERATURE = 1 / 60


def supervised_contrastive(
    embeddings: Tensor,
    positives: Tensor,
    sample_weight: Tensor | None = None,
    temperature=0.1,
    base_temperature=0.07,
    contrast_mode="all",
    normalize=True,
    block_size=None,
) -> Tensor:
    """Returns the supervised contrastive loss of each sample, shape `(B,)`.

    For an anchor i with positives P(i) and all other contrasts A(i),

        loss_i = -T / T_base / |P(i)| · Σ_{p∈P(i)} log(e^{z_i·z_p/T} / Σ_{a∈A(i)} e^{z_i·z_a/T})

    and the value of a sample is the mean over its views, or that of its first view
    if `contrast_mode` is `"one"`.

    Args:
        embeddings: Shape `(B, V, D)` or `(B, D)`.
        positives: Class ids, shape `(B,)`: samples of one class are each other's
            positives. Or a boolean mask, shape `(B, B)`: row i is true for the
            positives of sample i; it may be asymmetric. Or rows of probabilities,
            shape `(B, C)`: pairs count in the mean over positives with the weight
            `q_i · q_p`.
        sample_weight: Shape `(B,)` or `None`.
        temperature: T, dimensionless, positive.
        base_temperature: T_base, dimensionless, positive.
        contrast_mode: `"all"` views are anchors, or only the first `"one"`.
        normalize: Whether to scale embeddings to unit length.
        block_size: Rows of a block, or `None` for what suits the backend.
    """  # noqa: E501
    rows = view_rows(embeddings, normalize, temperature)
    batch_size, views = ops.shape(embeddings)[0], num_views(embeddings)
    weights = None
    if sample_weight is not None:
        weights = row_weights(sample_weight, views, batch_size, rows.dtype)
    if len(positives.shape) == 1:
        positives = ops.cast(positives, "int32")
    bounded = normalize and temperature >= _MIN_BOUNDED_TEMPERATURE
    values = anchor_losses(rows, weights, positives, block_size, bounded)
    values = ops.reshape(values, (views, batch_size))
    values = values[0] if contrast_mode == "one" else ops.mean(values, axis=0)
    return scaled_to_mean(values * (temperature / base_temperature), sample_weight)


def own_views(embeddings: Tensor) -> Tensor:
    """Returns the positives of SimCLR, shape `(B,)`: every sample is its own class."""
    return ops.arange(ops.shape(embeddings)[0], dtype="int32")


def view_rows(embeddings, normalize, temperature):
    """Returns the views one after another, shape `(V * B, D)`, over sqrt(T)."""
    if normalize:
        return l2_normalized_rows(embeddings, temperature**-0.5)
    if len(embeddings.shape) == 3:
        embeddings = ops.transpose(embeddings, (1, 0, 2))
    return ops.reshape(embeddings, (-1, embeddings.shape[-1])) * temperature**-0.5


def num_views(embeddings):
    """Returns V."""
    return embeddings.shape[1] if len(embeddings.shape) == 3 else 1


def row_weights(sample_weight, views, batch_size, dtype):
    """Returns the weight of each row of `view_rows`, shape `(V * B,)`."""
    if sample_weight is None:
        return ops.ones((views * batch_size,), dtype)
    return ops.tile(ops.stop_gradient(ops.cast(sample_weight, dtype)), (views,))


def same(labels, other_labels):
    """Returns whether pairs of labels are equal, shape `(N, M)`."""
    return labels[:, None] == other_labels[None, :]
