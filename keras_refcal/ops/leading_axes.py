"""Predictions of many positions (pixels, tokens) a sample, read as rows."""

from typing import NamedTuple

from keras import ops

from keras_refcal.types import Tensor


class Positions(NamedTuple):
    """Labels, predictions, weights and a mask with one row for each position.

    Attributes:
        y_true: Class ids, shape `(n,)`, or rows, `(n, columns)`; or `None`.
        y_pred: Shape `(n, num_classes)`.
        sample_weight: Shape `(n,)`, one number, or `None`.
        mask: Shape `(n,)`, or `None`.
        shape: The leading axes, of which n is the product; `None` if there was one
            alone, and nothing was changed.
    """

    y_true: Tensor | None
    y_pred: Tensor
    sample_weight: Tensor | None
    mask: Tensor | None
    shape: tuple | None

    def restored(self, values):
        """Returns values of shape `(n, ...)` with the leading axes; scalars as is."""
        if self.shape is None or len(values.shape) == 0:
            return values
        return ops.reshape(values, (*self.shape, *values.shape[1:]))


def as_rows(y_true, y_pred, sample_weight=None, mask=None) -> Positions:
    """Returns predictions with several leading axes as rows, others as they are.

    Args:
        y_true: Labels: class ids of the leading shape, or with a last axis of 1 or of
            the columns of a label; or `None`.
        y_pred: Shape `(batch, ..., num_classes)`; one channel is kept, shape `(n, 1)`.
            Mappings, and predictions of rank 1 or 2, are left alone.
        sample_weight: One number, or weights of the leading shape or of its first
            axes: a weight for each sample, of shape `(batch,)`, goes for all of its
            positions.
        mask: As `sample_weight`.

    Raises:
        ValueError: If shapes do not fit.
    """
    if isinstance(y_pred, dict) or len(y_pred.shape) < 3:
        return Positions(y_true, y_pred, sample_weight, mask, None)
    leading = tuple(y_pred.shape[:-1])
    if y_true is not None:
        y_true = _labels_as_rows(y_true, leading)
    one = ops.ones_like(y_pred[..., 0])
    if sample_weight is not None:
        sample_weight = ops.convert_to_tensor(sample_weight)
        sample_weight = _spread("sample_weight", sample_weight, leading, one)
    if mask is not None:
        mask = ops.convert_to_tensor(mask, dtype="bool")
        mask = _spread("mask", mask, leading, one)
    return Positions(
        y_true,
        ops.reshape(y_pred, (-1, y_pred.shape[-1])),
        sample_weight,
        mask,
        ops.shape(y_pred)[:-1],
    )


def _labels_as_rows(y_true, leading):
    shape = tuple(y_true.shape)
    rank = len(leading)
    if len(shape) not in (rank, rank + 1) or not _equal(shape, leading):
        _refuse("y_true", shape, leading)
    if len(shape) == rank or shape[-1] == 1:
        return ops.reshape(y_true, (-1,))
    return ops.reshape(y_true, (-1, shape[-1]))


def _spread(name, values, leading, one):
    """Returns values of the first axes, or of 1, for every position, shape `(n,)`."""
    shape, rank = tuple(values.shape), len(leading)
    if len(shape) == 0:
        return values
    if len(shape) == rank + 1 and shape[-1] == 1:
        values, shape = values[..., 0], shape[:-1]
    if len(shape) > rank or not _equal(shape, leading, or_one=True):
        _refuse(name, shape, leading)
    values = ops.reshape(values, (*ops.shape(values), *[1] * (rank - len(shape))))
    if "bool" in str(values.dtype):
        values = ops.logical_and(values, ops.cast(one, "bool"))
    else:
        values = values * ops.cast(one, values.dtype)
    return ops.reshape(values, (-1,))


def _equal(shape, leading, or_one=False):
    """Whether the first axes of a shape are the leading ones, as far as is known."""
    pairs = zip(shape, leading, strict=False)
    return all(a == b or None in (a, b) or (or_one and a == 1) for a, b in pairs)


def _refuse(name, shape, leading):
    wanted = ", ".join("batch" if n is None else str(n) for n in leading)
    raise ValueError(
        f"`{name}` must fit the leading axes of `y_pred`, ({wanted}). "
        f"Received shape: {shape}"
    )
