"""Correctness ranking loss, with the history that it ranks by."""

import functools
from typing import Any

import numpy as np
from keras import ops

from keras_refcal.losses.base import BatchPenalty, logits_of, read_targets
from keras_refcal.losses.state import LossState
from keras_refcal.ops import correctness_ranking as ranking
from keras_refcal.ops.labels import both, split_index
from keras_refcal.ops.leading_axes import as_rows
from keras_refcal.ops.predicted_class import predicted_class
from keras_refcal.ops.weights import read_weights, with_weight
from keras_refcal.registration import serializable
from keras_refcal.types import Tensor
from keras_refcal.validation import check_choice, check_indices

MAX_SAMPLES = 2**24


@serializable
class CorrectnessRankingLoss(BatchPenalty):
    """CRL: asks that samples that were right more often are the more confident ones.

    A penalty to add to a classification loss. Each sample of a batch is compared
    with the next one: with confidences k and the share c of past predictions that
    were right, the penalty is the mean of `relu(|c - c'| - sign(c - c') (k - k'))`
    over pairs with different c. c counts the right predictions of a sample, minus
    the least count of all samples, over the number of epochs done minus that least
    count.

    The history is a layer of the loss, `history`, with the number of right
    predictions (`correct`) and of visits (`seen`) of each training sample. A
    `RefCalModel` updates that of its own copy of the loss, `model.loss`, in every
    training step and saves it with its weights. In any other model give `fit` the
    callback `UpdateCorrectnessHistory`; without either the penalty stays 0.

    Args:
        num_samples: Integer, size of the training set, up to 2^24.
        rank_target: Confidence that is ranked: `"softmax"`, the greatest probability;
            `"margin"`, its distance from the second; `"entropy"`, minus the entropy
            over the logarithm of the number of classes.
        update_history: Whether training fills the history. Without, the penalty is 0
            for good, as in the code that RefCal's table was made with.
        **kwargs: `from_logits`, `ignore_class`, `name`, `reduction`, `dtype`; see
            `BatchPenalty`.

    Call arguments:
        y_true: Class id and index of each sample in the training set, shape
            `(batch, 2)`, or rows of probabilities followed by the index, shape
            `(batch, num_classes + 1)`. Index -1 is a sample without history, as in
            validation data.
        y_pred: See `BatchPenalty`.
        sample_weight: Optional, shape `(batch,)`. Weight 0 equals absence: the
            partner is the next sample that is present.

    Raises:
        ValueError: If an argument is out of range, if the index is missing or beyond
            `num_samples`, or if shapes or labels of a batch do not fit.

    Reference:
        [Moon et al., 2020](https://arxiv.org/abs/2007.01458), eq. 2 and 3.

    Example:

    >>> import numpy as np
    >>> from keras_refcal.losses import CorrectnessRankingLoss
    >>> loss = CorrectnessRankingLoss(num_samples=2)
    >>> y_true = np.array([[0, 0], [0, 1]])  # label, index
    >>> probabilities = np.array([[0.75, 0.25], [0.25, 0.75]])
    >>> loss.update_state(y_true, probabilities)  # sample 0 is right, sample 1 is not
    >>> round(float(loss(y_true, probabilities)), 4)
    1.0
    """

    formula = "mean relu(|c - c'| - sign(c - c') (k - k')) over neighbours in the batch"
    use = "Ranks confidence by how often a sample was right; for failure prediction."
    needs_index = True

    def __init__(
        self,
        num_samples: int,
        rank_target: str = "softmax",
        update_history: bool = True,
        name: str | None = "correctness_ranking",
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        if not isinstance(num_samples, int) or not 0 < num_samples <= MAX_SAMPLES:
            raise ValueError(
                f"`num_samples` must be an integer from 1 to {MAX_SAMPLES}. "
                f"Received: {num_samples!r}"
            )
        check_choice("rank_target", rank_target, ("softmax", "margin", "entropy"))
        self.num_samples = num_samples
        self.rank_target = rank_target
        self.update_history = update_history
        self.history = LossState(
            correct=np.zeros(num_samples), seen=np.zeros(num_samples)
        )

    def read(self, y_true: Tensor, y_pred: Tensor, counted: Any = None) -> Any:
        """See `FloatLoss`; targets are target rows and the index of each sample."""
        y_true, y_pred = self.cast(y_true), self.cast(y_pred)
        columns = logits_of(y_pred, self.from_logits).shape[-1] + 1
        shape = tuple(y_true.shape)
        if len(shape) != 2 or shape[1] not in (2, columns):
            raise ValueError(
                "`y_true` must hold the index of each sample in its last column: "
                f"shape (batch, 2) or (batch, {columns}). Received shape: {shape}"
            )
        labels, index = split_index(y_true)
        check_indices(index, self.num_samples)
        rows = read_targets(self, labels, y_pred, counted)
        return rows._replace(targets=(rows.targets, index))

    def values(self, targets: Tensor, logits: Tensor, weight: Tensor) -> Any:
        """Returns the penalty of the batch, a scalar."""
        _, index = targets
        known = ops.cast(with_weight(index >= 0, weight), logits.dtype)
        index = ops.maximum(index, 0)
        correct = ops.cast(self.history.correct, logits.dtype)
        # While an epoch runs, its samples have been seen once for each epoch done.
        visits = ops.take(ops.cast(self.history.seen, logits.dtype), index) * known
        correctness = ranking.normalized_correctness(
            ops.take(correct, index), correct, ops.maximum(ops.max(visits), 1.0)
        )
        return ranking.correctness_ranking(
            ranking.rank_confidence(logits, self.rank_target),
            ops.stop_gradient(correctness),
            known,
            weight,
        )

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        """Counts a batch of training: who was seen, and who was right."""
        if not self.update_history:
            return
        y_true, y_pred, sample_weight, *_ = as_rows(
            self.cast(y_true), self.cast(y_pred), sample_weight
        )
        weight = read_weights(sample_weight, ops.shape(y_true)[0], self.dtype)
        counted = with_weight(None, weight)
        (targets, index), logits, *masks = self.read(y_true, y_pred, counted)
        present = functools.reduce(both, masks, both(index >= 0, counted))
        right = ops.equal(predicted_class(logits), ops.argmax(targets, axis=-1))
        index = ops.maximum(index, 0)
        for variable, counted in (
            (self.history.correct, both(present, right)),
            (self.history.seen, present),
        ):
            added = ops.cast(counted, "float32")
            total = ops.segment_sum(added, index, num_segments=self.num_samples)
            # Gathered from replicas, an index may be of unknown rank to TensorFlow.
            total = ops.reshape(total, (self.num_samples,))
            variable.assign(variable + ops.stop_gradient(total))
