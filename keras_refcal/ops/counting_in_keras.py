"""What metrics count with, on tensors; `counting_in_numpy` has the same names."""

from keras.ops import (
    abs,
    all,
    arange,
    argmax,
    broadcast_to,
    cast,
    clip,
    concatenate,
    equal,
    exp,
    isfinite,
    log,
    log_softmax,
    max,
    maximum,
    min,
    minimum,
    one_hot,
    reshape,
    shape,
    softmax,
    sqrt,
    square,
    stack,
    sum,
    take_along_axis,
    transpose,
    where,
    zeros_like,
)

from keras_refcal.backend import sum_by_index

__all__ = [
    "abs",
    "all",
    "arange",
    "argmax",
    "broadcast_to",
    "cast",
    "clip",
    "concatenate",
    "equal",
    "exp",
    "is_known_to_hold",
    "isfinite",
    "log",
    "log_softmax",
    "max",
    "maximum",
    "min",
    "minimum",
    "of_column",
    "one_hot",
    "reshape",
    "row_sums",
    "rows_above_zero",
    "shape",
    "softmax",
    "sqrt",
    "square",
    "stack",
    "sum",
    "sum_columns",
    "take_along_axis",
    "top",
    "transpose",
    "where",
    "zeros_like",
]


def of_column(rows, ids):
    """Returns the value of each row in the column of its id, shape `(n,)`."""
    return take_along_axis(rows, ids[:, None], axis=-1)[:, 0]


def top(rows, ids):
    """Returns the largest value of each row, and whether it is in the column of an id.

    Of equal values the first is the largest. An id may be that of no column. XLA takes
    ten times longer for `argmax` than for these maxima, on CPUs.
    """
    columns = rows.shape[1]
    largest, at_id = max(rows, axis=-1), of_column(rows, clip(ids, 0, columns - 1))
    before = arange(columns, dtype="int32") < ids[:, None]
    before = max(where(before, rows, -float("inf")), axis=-1)
    return largest, (before < at_id) & (at_id >= largest)


def row_sums(rows):
    """Returns the sum of each row, shape `(n,)`."""
    return sum(rows, axis=-1)


def rows_above_zero(rows):
    """Returns whether all values of a row are 0 or more; broadcasts to `(n,)`."""
    return min(rows, axis=-1) >= 0


def is_known_to_hold(values):
    """Returns `False`: values of tensors are not read."""
    return False


def sum_columns(columns, index, size):
    """Returns sums of columns, each of shape `(n,)`, by index: `(columns, size)`."""
    index = cast(index, "int32")
    if len(columns) == 1:
        return sum_by_index(columns[0], index, size)[None]
    return transpose(sum_by_index(stack(columns, axis=-1), index, size))
