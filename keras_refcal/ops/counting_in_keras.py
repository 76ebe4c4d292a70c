"""What metrics count with, on tensors; `counting_in_numpy` has the same names."""

from keras.backend import standardize_dtype
from keras.ops import (
    abs,
    all,
    arange,
    broadcast_to,
    cast,
    clip,
    concatenate,
    equal,
    exp,
    floor,
    isfinite,
    log,
    log1p,
    max,
    min,
    minimum,
    one_hot,
    reshape,
    shape,
    sqrt,
    square,
    stack,
    sum,
    take_along_axis,
    transpose,
    where,
    zeros_like,
)

from keras_refcal.backend import as_double as double
from keras_refcal.backend import float32_part, sum_by_index
from keras_refcal.ops.predicted_class import predicted_class as first_largest

__all__ = [
    "abs",
    "advance",
    "all",
    "arange",
    "as_numbers",
    "broadcast_to",
    "cast",
    "clip",
    "concatenate",
    "double",
    "equal",
    "exp",
    "first_largest",
    "floor",
    "is_floating",
    "is_known_to_hold",
    "isfinite",
    "log",
    "log1p",
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


def is_floating(values):
    """Returns whether values are of a floating type."""
    return "float" in standardize_dtype(values.dtype)


def as_numbers(values):
    """Returns labels in a type that can be compared with any number of classes."""
    return cast(values, "float64" if is_floating(values) else "int64")


def advance(state, increment):
    """Returns a state of sum and remainder, `(2, ...)`, after adding float64."""
    total = double(state[0]) + double(state[1]) + increment
    if state.dtype == increment.dtype:
        return stack([total, zeros_like(total)])
    first = float32_part(total)
    return cast(stack([first, total - first]), standardize_dtype(state.dtype))


def maximum(values, least):
    """Returns values, the least for those below; Keras' own is float32 on PyTorch."""
    return where(values > least, values, least)


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
