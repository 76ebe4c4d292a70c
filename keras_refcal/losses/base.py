"""What every loss of this package shares: precision, labels, logits and weights.

There are two kinds of losses. A `ClassificationLoss` has a value for each sample; a
`BatchLoss` is a property of the whole batch, so that weights enter inside it. The hook
of both, `values`, is given checked labels.
"""

from typing import Any, NamedTuple

import keras
from keras import ops

from keras_refcal.backend.keras_internals import get_keras_mask
from keras_refcal.losses.reduction import (
    reduced,
    rows_of_all_replicas,
    share_of_replica,
)
from keras_refcal.ops.labels import (
    as_logits,
    both,
    class_distribution,
    is_one_column,
    read_labels,
    two_class_distribution,
)
from keras_refcal.ops.leading_axes import Positions, as_rows
from keras_refcal.ops.weights import read_weights, relative_weights, with_weight
from keras_refcal.registration import Configured
from keras_refcal.types import Tensor
from keras_refcal.validation import (
    check_are_probabilities,
    check_batch,
    check_ignore_class,
    check_one_column,
    is_class_ids,
)


class Rows(NamedTuple):
    """A batch as a loss reads it.

    Attributes:
        targets: Labels, as `values` of the loss takes them.
        outputs: Logits or embeddings, first axis of length `batch`.
        present: Which rows are not ignored, shape `(batch,)`; `None` if all are.
        right: Which rows have labels at all, shape `(batch,)`; `None` if all have.
    """

    targets: Tensor
    outputs: Tensor
    present: Tensor | None
    right: Tensor | None


class FloatLoss(Configured, keras.losses.Loss):
    """A `keras.losses.Loss` that computes in float32 at least.

    Keras casts labels and predictions to the loss' dtype; in half precision that
    would merge class ids above 2048 and underflow probabilities.

    Class attributes say what `docs/losses.md` shows, `formula` and `use`, which term
    of a `RefCalLoss` the loss becomes where it is given alone, whether the last
    column of its labels must be the index of the sample in the training set,
    whether it has a meaning on `[0, z]`, the two logits that one column stands for,
    and whether it reads embeddings, whose second axis is one of views.

    Args:
        ignore_class: Label of the samples to leave out of every mean and every pair,
            as if they were not in the batch: an integer, -1 for unlabelled ones, or
            `None`.
        name: Optional name of the loss.
        reduction: As in `keras.losses.Loss`.
        dtype: As in `keras.losses.Loss`; float32 at least.
    """

    formula = None
    use = None
    term = "classification"
    needs_index = False
    takes_one_logit = True
    reads_embeddings = False

    def __init__(
        self,
        ignore_class: int | None = None,
        name: str | None = None,
        reduction: str = "sum_over_batch_size",
        dtype: Any = None,
    ):
        dtype = keras.dtype_policies.get(dtype or keras.config.floatx()).compute_dtype
        if dtype in ("float16", "bfloat16"):
            dtype = "float32"
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        check_ignore_class(ignore_class)
        self.ignore_class = ignore_class

    def read(self, y_true: Tensor, y_pred: Tensor, counted: Any = None) -> Rows:
        """Returns checked labels and outputs of a batch in the loss' dtype.

        Args:
            y_true: As in a call.
            y_pred: As in a call.
            counted: Which rows count, shape `(batch,)`, or `None` for all; the labels
                of other rows may be anything.
        """
        raise NotImplementedError

    def state_layers(self) -> Any:
        """Returns the layers that hold what the loss keeps between batches.

        `RefCalModel` counts their variables among its own, so that they live through
        a compiled step on every backend, are trained if trainable, and are saved.
        """
        return [x for x in vars(self).values() if isinstance(x, keras.layers.Layer)]

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        """Learns from a batch of training, after its loss; most losses do nothing.

        Args:
            y_true: As in a call.
            y_pred: As in a call.
            sample_weight: As in a call.
        """

    def cast(self, x: Tensor) -> Any:
        """Returns an array or list, or a mapping of them, as tensors in the dtype."""
        if isinstance(x, dict):
            return {name: self.cast(value) for name, value in x.items()}
        return ops.convert_to_tensor(x, dtype=self.dtype)


class ClassificationLoss(FloatLoss):
    """A loss with one value a sample, computed from logits.

    Subclasses define `values(targets, logits)`, which returns shape `(batch,)`.

    Args:
        from_logits: Whether `y_pred` holds logits. If `False` it holds
            probabilities, whose logarithms serve as logits.
        **kwargs: `ignore_class`, `name`, `reduction`, `dtype`; see `FloatLoss`.

    Call arguments:
        y_true: Class ids, shape `(batch,)` or `(batch, 1)`, or rows of
            probabilities, shape `(batch, num_classes)`. For one column of
            predictions, labels of shape `(batch,)` may be any number in [0, 1], the
            probability of class 1.
        y_pred: Shape `(batch, num_classes)`; or one column, `(batch,)` or
            `(batch, 1)`, the probability p of class 1 of two, which means
            `[1 - p, p]`, or its logit z, which means `[0, z]`; or the outputs of a
            `RefCalModel`: a mapping with `"logits"`, shape `(batch, num_classes)`.
            Pixels and tokens, `(batch, ..., num_classes)` or `(batch, ..., 1)`, are
            so many samples: labels, weights and the values of `reduction="none"`
            then have their leading shape.
        sample_weight: Optional, finite numbers of 0 or more, shape `(batch,)`;
            multiplies each sample's value before the reduction, as in Keras.

    Labels that are none (ids out of range, rows that do not sum to 1 within 0.01) raise
    a `ValueError`; where a compiled step cannot read them, the sample's loss is NaN.
    Predictions that should be probabilities and are none raise one where they can be
    read, unless their row is ignored, masked or of weight 0.
    """

    def __init__(self, from_logits: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        self.from_logits = from_logits

    def __call__(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> Any:
        """Returns the reduced loss."""
        mask = get_keras_mask(y_pred)
        rows = as_rows(self.cast(y_true), self.cast(y_pred), sample_weight, mask)
        return rows.restored(self.of_rows(*rows[:4]))

    def of_rows(
        self,
        y_true: Tensor,
        y_pred: Tensor,
        sample_weight: Tensor | None = None,
        mask: Any = None,
    ) -> Any:
        """Returns the reduced loss of the rows that a mask, `(batch,)`, leaves."""
        y_pred = self.cast(y_pred)
        mask = None if mask is None else ops.cast(mask, "bool")
        weight = read_weights(sample_weight, _batch_size(y_pred), self.dtype)
        rows = self.read(y_true, y_pred, with_weight(mask, weight))
        return reduced(
            self._values(rows), self.reduction, both(mask, rows.present), weight
        )

    def call(self, y_true: Tensor, y_pred: Tensor) -> Any:
        """Returns the loss of each sample, shape `(batch,)`, 0 where it is ignored."""
        positions = as_rows(self.cast(y_true), self.cast(y_pred))
        rows = self.read(*positions[:2])
        return positions.restored(reduced(self._values(rows), "none", rows.present))

    def read(self, y_true: Tensor, y_pred: Tensor, counted: Any = None) -> Any:
        """See `FloatLoss`; targets and logits have shape `(batch, num_classes)`."""
        return read_targets(self, y_true, y_pred, counted)

    def _values(self, rows):
        values = self.values(rows.targets, rows.outputs)
        if rows.right is None:
            return values
        return values * ops.where(rows.right, 1.0, float("nan"))

    def values(self, targets: Tensor, logits: Tensor) -> Any:
        """Returns the loss of each sample, both arguments `(batch, num_classes)`."""
        raise NotImplementedError


class BatchLoss(FloatLoss):
    """A loss that is a property of the whole batch, so that weights enter inside it.

    Subclasses define `read`, and `values(targets, outputs, weight)`, which returns the
    loss, a scalar, or values of shape `(batch,)` whose mean it is. Weight 0 equals
    absence, and a mask on `y_pred` too; the scale of the weights does not matter: they
    are scaled to sum to the effective number of rows, `(Σ w)² / Σ w²`. Among the
    replicas of a `tf.distribute` strategy the batch is that of all replicas.
    """

    def __call__(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> Any:
        """Returns the reduced loss; `sample_weight` has shape `(batch,)`."""
        rows = self._as_rows(*rows_of_all_replicas(y_true, y_pred, sample_weight))
        value = share_of_replica(self.of_rows(*rows[:4]), self.reduction)
        return rows.restored(value)

    def of_rows(
        self,
        y_true: Tensor,
        y_pred: Tensor,
        sample_weight: Tensor | None = None,
        mask: Any = None,
    ) -> Any:
        """Returns the reduced loss of these rows, which are the whole batch."""
        y_pred = self.cast(y_pred)
        mask = None if mask is None else ops.cast(mask, "bool")
        weight = read_weights(sample_weight, _batch_size(y_pred), self.dtype)
        rows = self.read(y_true, y_pred, with_weight(mask, weight))
        present = both(mask, rows.present)
        return reduced(self._values(rows, weight, present), self.reduction, present)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Any:
        """Returns one value a sample, shape `(batch,)`; their mean is the loss."""
        positions = self._as_rows(y_true, y_pred)
        rows = self.read(*positions[:2])
        values = reduced(self._values(rows, None, rows.present), "none", rows.present)
        return positions.restored(values)

    def _as_rows(self, y_true, y_pred, sample_weight=None, mask=None):
        """Returns a row for each position; axes of embeddings are views instead."""
        if self.reads_embeddings:
            return Positions(y_true, y_pred, sample_weight, mask, None)
        return as_rows(self.cast(y_true), self.cast(y_pred), sample_weight, mask)

    def _values(self, rows, weight, present):
        right = rows.right
        if weight is not None:
            right = both(right, ops.equal(weight, weight))  # a bad weight is NaN
        relative = relative_weights(weight, present, self.dtype)
        values = self.values(rows.targets, rows.outputs, relative)
        if right is not None:
            values = values * ops.where(ops.all(right), 1.0, float("nan"))
        if len(values.shape) == 0:
            return ops.broadcast_to(values, (_batch_size(rows.outputs),))
        if present is not None:
            values = values * ops.mean(ops.cast(present, values.dtype))
        return values

    def values(self, targets: Tensor, outputs: Tensor, weight: Tensor) -> Any:
        """Returns the loss, a scalar, or values `(batch,)` whose mean it is.

        Args:
            targets: Checked labels.
            outputs: Logits or embeddings.
            weight: Weight of each row, shape `(batch,)`; `None` for 1 each.
        """
        raise NotImplementedError


class BatchPenalty(BatchLoss):
    """A penalty on the predictions of a whole batch, one scalar computed from logits.

    Subclasses define `values(targets, logits, weight)`, which returns a scalar. The
    reduction sees it once for each sample; the mean over the batch is the penalty.

    Args:
        from_logits: Whether `y_pred` holds logits. If `False` it holds
            probabilities, whose logarithms serve as logits.
        **kwargs: `ignore_class`, `name`, `reduction`, `dtype`; see `FloatLoss`.

    Call arguments:
        y_true: Class ids, shape `(batch,)` or `(batch, 1)`, or rows of
            probabilities, shape `(batch, num_classes)`. For one column of
            predictions, labels of shape `(batch,)` may be any number in [0, 1].
        y_pred: Shape `(batch, num_classes)`; or one column, `(batch,)` or
            `(batch, 1)`, for class 1 of two; or the outputs of a `RefCalModel`: a
            mapping whose entry `"logits"` has shape `(batch, num_classes)`. Pixels
            and tokens, `(batch, ..., num_classes)`, are so many samples.
        sample_weight: Optional, finite numbers of 0 or more, shape `(batch,)`; weighs
            each sample in the means over the batch. Weight 0 equals absence; the
            scale of the weights does not matter.

    Labels that are none raise a `ValueError`; where a compiled step cannot read them,
    the penalty is NaN.
    """

    term = "calibration"

    def __init__(self, from_logits: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        self.from_logits = from_logits

    def read(self, y_true: Tensor, y_pred: Tensor, counted: Any = None) -> Any:
        """See `FloatLoss`; targets and logits have shape `(batch, num_classes)`."""
        return read_targets(self, y_true, y_pred, counted)


def read_targets(loss, y_true, y_pred, counted=None) -> Rows:
    """Returns target rows and logits, both `(batch, num_classes)`, of one batch.

    Args:
        loss: The loss that reads; its `from_logits`, `ignore_class` and `dtype` count.
        y_true: See `ClassificationLoss`.
        y_pred: See `ClassificationLoss`.
        counted: See `FloatLoss.read`.
    """
    y_true, y_pred = loss.cast(y_true), loss.cast(y_pred)
    logits = logits_of(y_pred, loss.from_logits)
    column = not isinstance(y_pred, dict) and is_one_column(y_pred)
    if column:
        check_one_column(loss, loss.from_logits)
    check_batch("y_pred", logits, ranks=(2,))
    num_classes = logits.shape[-1]
    fractions = column and len(y_true.shape) in (1, 2) and is_class_ids(y_true)
    labels, present, right = read_labels(
        y_true, logits, num_classes, loss.ignore_class, fractions, counted
    )
    if not loss.from_logits and not isinstance(y_pred, dict):
        check_are_probabilities(y_pred, both(present, counted))
    if fractions:
        targets = two_class_distribution(labels)
    else:
        targets = class_distribution(labels, num_classes, logits.dtype)
    return Rows(targets, logits, present, right)


def logits_of(y_pred, from_logits):
    """Returns the logits of a prediction, a column for each class.

    Args:
        y_pred: A mapping with the entry `"logits"`, or a tensor that holds logits or
            probabilities.
        from_logits: What a tensor holds.
    """
    if isinstance(y_pred, dict):
        return y_pred["logits"]
    return as_logits(y_pred, from_logits)


def embeddings_of(y_pred):
    """Returns the embeddings of a prediction.

    Args:
        y_pred: A mapping with the entry `"embeddings"`, or the embeddings themselves.
    """
    return y_pred["embeddings"] if isinstance(y_pred, dict) else y_pred


def _batch_size(y_pred):
    return ops.shape(keras.tree.flatten(y_pred)[0])[0]
