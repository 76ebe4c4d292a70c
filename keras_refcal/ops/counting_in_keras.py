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
    searchsorted,
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
    "largest",
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
    "searchsorted",
    "shape",
    "softmax",
    "sqrt",
    "square",
    "stack",
    "sum",
    "sum_columns",
    "take_along_axis",
    "transpose",
    "where",
    "zeros_like",
]


def of_column(rows, ids):
    """Returns the value of each row in the column of its id, shape `(n,)`."""
    return take_along_axis(rows, ids[:, None], axis=-1)[:, 0]


def largest(rows, ids):
    """Returns the largest value of each row, which is in the column of its id."""
    return max(rows, axis=-1)  # fewer operations than to look it up


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
