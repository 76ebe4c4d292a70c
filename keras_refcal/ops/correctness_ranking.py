"""Correctness ranking: pure functions of a batch and its history.

Shapes: B batch, C classes. `logits` are `(B, C)`; `sample_weight` is `(B,)` or
`None`, and weight 0 equals absence.
"""

from keras import ops

from keras_refcal.ops.labels import weighted_mean
from keras_refcal.types import Tensor


def rank_confidence(logits: Tensor, rank_target="softmax") -> Tensor:
    """Returns the confidence that is ranked, shape `(B,)`.

    Args:
        logits: Shape `(B, C)`.
        rank_target: `"softmax"`, the greatest probability; `"margin"`, its distance
            from the second; `"entropy"`, minus the entropy over `log(C)`.
    """
    log_p = ops.log_softmax(logits, axis=-1)
    probabilities = ops.exp(log_p)
    if rank_target == "softmax":
        return ops.max(probabilities, axis=-1)
    if rank_target == "margin":
        first_two, _ = ops.top_k(probabilities, 2)
        return first_two[:, 0] - first_two[:, 1]
    size = ops.log(ops.cast(logits.shape[-1], logits.dtype))
    return ops.sum(probabilities * log_p, axis=-1) / size


def normalized_correctness(counts, all_counts, max_correctness) -> Tensor:
    """Returns counts of correct predictions scaled by the least and greatest count.

    Args:
        counts: Counts of the batch, shape `(B,)`.
        all_counts: Counts of the whole training set, shape `(N,)`.
        max_correctness: Scalar, the greatest possible count.

    Returns:
        Shape `(B,)`: 0 for the least count of all samples, 1 for `max_correctness`;
        all 0 if there is nothing between the two.
    """
    least = ops.min(all_counts)
    size = max_correctness - least
    return ops.where(size > 0, (counts - least) / ops.where(size > 0, size, 1.0), 0.0)


def correctness_ranking(
    confidence: Tensor,
    correctness: Tensor,
    known: Tensor,
    sample_weight: Tensor | None = None,
) -> Tensor:
    """Returns the mean ranking loss of each sample with the next one, a scalar.

    For confidences k and correctness c of a sample and its partner the value is
    `relu(|c - c'| - sign(c - c') (k - k'))`, and 0 where c equals c'.

    Args:
        confidence: Shape `(B,)`.
        correctness: Constants, shape `(B,)`.
        known: Whether a sample has a history, shape `(B,)`; pairs without add 0.
        sample_weight: Shape `(B,)` or `None`. The partner is the next sample in the
            batch, the first for the last, of a weight above 0.
    """
    partner = _next_present(confidence, sample_weight)
    gap = correctness - ops.take(correctness, partner)
    target = ops.sign(gap) * known * ops.take(known, partner)
    rise = confidence - ops.take(confidence, partner)
    values = ops.relu(ops.abs(target * gap) - target * rise)
    return weighted_mean(values, sample_weight)


def _next_present(like, sample_weight):
    """Returns the index of each sample's partner, shape `(B,)`."""
    if sample_weight is None:
        return ops.roll(ops.arange(ops.shape(like)[0], dtype="int32"), -1)
    size = ops.shape(like)[0]
    index = ops.arange(size, dtype="int32")
    steps = ops.mod(index[None, :] - index[:, None] - 1, size)
    absent = ops.cast(sample_weight <= 0, "int32")
    return ops.cast(ops.argmin(steps + size * absent[None, :], axis=1), "int32")
