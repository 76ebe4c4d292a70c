"""What metrics count with, on arrays; `counting_in_keras` has the same names.

Where operations run one by one, as on PyTorch, those of a batch take longer to call
than to compute, and NumPy's are the quickest to call.
"""

import functools

import numpy as np
from numpy import (
    abs,
    all,
    arange,
    broadcast_to,
    concatenate,
    equal,
    exp,
    floor,
    isfinite,
    log,
    log1p,
    max,
    maximum,
    min,
    minimum,
    shape,
    sqrt,
    square,
    sum,
    take_along_axis,
    transpose,
    where,
    zeros_like,
)

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


def cast(values, dtype):
    """Returns an array of a type."""
    return np.asarray(values, dtype)


def clip(values, least, most):
    """Returns values within bounds; quicker than NumPy's."""
    return np.minimum(np.maximum(values, least), most)


def reshape(values, shape):
    """Returns an array in another shape; quicker than NumPy's."""
    return values.reshape(shape)


def one_hot(ids, num_classes, dtype):
    """Returns rows with a 1 at each id, shape `(n, num_classes)`."""
    return (ids[:, None] == np.arange(num_classes)).astype(dtype)


def as_numbers(values):
    """Returns labels in a type that can be compared with any number of classes."""
    return values if values.itemsize >= 4 else values.astype("float32")


def double(values, subnormal=False):
    """Returns an array in float64; subnormal numbers are read as they are."""
    return values.astype(np.float64)


def is_floating(values):
    """Returns whether values are of a floating type."""
    return values.dtype.kind == "f"


def advance(state, increment):
    """Returns a state of sum and remainder, `(2, ...)`, after adding float64."""
    doubles = state.astype(np.float64)
    total = doubles[0]
    total += doubles[1]
    total += increment
    parts = np.empty_like(state)
    parts[0] = total
    doubles[1] = parts[0]
    total -= doubles[1]
    parts[1] = total
    return parts


def of_column(rows, ids):
    """Returns the value of each row in the column of its id, shape `(n,)`."""
    return rows[np.arange(len(rows)), ids]


def first_largest(rows):
    """Returns the first class of the greatest score, int32 of shape `(n,)`."""
    return rows.argmax(axis=-1).astype("int32")


def top(rows, ids):
    """Returns the largest value of each row, and whether it is in the column of an id.

    Of equal values the first is the largest. An id may be that of no column.
    """
    predicted = rows.argmax(axis=-1)
    return of_column(rows, predicted), predicted == ids


def row_sums(rows):
    """Returns the sum of each row, shape `(n,)`; quicker than NumPy's."""
    return rows @ _ones(rows.shape[1], rows.dtype)


def rows_above_zero(rows):
    """Returns whether all values of a row are 0 or more; broadcasts to `(n,)`."""
    # The minimum of all values takes a fifth of the time of those of the rows.
    return True if rows.min(initial=0.0) >= 0 else rows.min(axis=-1) >= 0


def is_known_to_hold(values):
    """Returns whether all values are true."""
    return values.all()


def stack(arrays):
    """Returns arrays of one shape along a new first axis; quicker than NumPy's."""
    return np.concatenate([array[None] for array in arrays])


def sum_columns(columns, index, size):
    """Returns sums of columns, each of shape `(n,)`, by index: `(columns, size)`."""
    sums = np.empty((len(columns), size))
    for row, column in zip(sums, columns, strict=True):
        row[:] = np.bincount(index, column, minlength=size)
    return sums


@functools.lru_cache(maxsize=8)
def _ones(size, dtype):
    return np.ones(size, dtype)
