"""Balanced contrastive loss: a pure function, one value a sample.

Shapes: B batch, V views, D features, C classes.
"""

from keras import ops

from keras_refcal.ops.contrastive import (
    anchor_losses,
    l2_normalize,
    num_views,
    row_weights,
    same,
    view_rows,
    weigh,
)
from keras_refcal.types import Tensor


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
    mean over its views.

    Args:
        embeddings: Shape `(B, V, D)` or `(B, D)`.
        prototypes: Shape `(C, D)`.
        labels: Class ids, shape `(B,)`.
        sample_weight: Shape `(B,)` or `None`; a weight counts as that many samples.
        temperature: T, dimensionless, positive.
        normalize: Whether to scale embeddings and prototypes to unit length.
    """  # noqa: E501
    anchors = view_rows(embeddings, normalize, temperature)
    if normalize:
        prototypes = l2_normalize(prototypes)
    prototypes = ops.cast(prototypes, anchors.dtype) * temperature**-0.5
    views, batch_size = num_views(embeddings), ops.shape(embeddings)[0]
    weights = row_weights(sample_weight, views, batch_size, anchors.dtype)
    classes = ops.tile(labels, (views,))
    contrast_weights, sizes, positives = _contrasts(
        classes, weights, prototypes.shape[0]
    )
    rows = ops.concatenate([anchors, prototypes], axis=0)
    values = anchor_losses(
        anchors, rows, contrast_weights / sizes, positives * contrast_weights
    )
    values = ops.mean(ops.reshape(values, (views, batch_size)), axis=0)
    return weigh(values, sample_weight)


def _contrasts(classes, weights, num_classes):
    """Returns weight, size of the class and sameness of contrasts, `(N, N + C)`."""
    prototypes = ops.arange(num_classes, dtype="int32")
    all_classes = ops.concatenate([classes, prototypes], axis=0)
    ones = ops.ones((num_classes,), weights.dtype)
    all_weights = ops.concatenate([weights, ones], axis=0)
    members = ops.one_hot(all_classes, num_classes, dtype=weights.dtype)
    sizes = ops.sum(members * all_weights[:, None], axis=0)
    positives = ops.cast(same(classes, all_classes), weights.dtype)
    # The anchor is not among its own contrasts.
    sizes = ops.take(sizes, all_classes)[None, :] - positives * weights[:, None]
    return all_weights[None, :], sizes, positives
