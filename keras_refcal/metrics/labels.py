"""Labels that name one class, and those that do not."""

import numpy as np
from keras import ops


def as_tensor(y_true):
    """Returns labels as a tensor; ids that int32 would cut become those of no class."""
    if isinstance(y_true, np.ndarray) and y_true.dtype in ("int64", "uint64"):
        y_true = np.clip(y_true, -(2**31), 2**31 - 1).astype("int32")
    return ops.convert_to_tensor(y_true)


def as_weights(sample_weight, num_rows=None):
    """Returns weights as a tensor, or `None` for `None`.

    Args:
        sample_weight: A number, or one a row, shape `(B,)` or `(B, 1)`.
        num_rows: B, if it is known.

    Raises:
        ValueError: If weights are complex, or their shape does not fit.
    """
    if sample_weight is None:
        return None
    weights = ops.convert_to_tensor(sample_weight)
    check_real("sample_weight", weights)
    shape = tuple(weights.shape)
    fits = len(shape) < 2 or (len(shape) == 2 and shape[1] == 1)
    known = num_rows is not None and shape != () and shape[0] is not None
    if not fits or (known and shape[0] not in (1, num_rows)):
        rows = "batch" if num_rows is None else num_rows
        raise ValueError(
            f"`sample_weight` must be a number, or one a row, shape ({rows},) or "
            f"({rows}, 1). Received shape: {shape}"
        )
    return weights


def check_real(name, values):
    """Raises `ValueError` for complex numbers, whose imaginary part would be lost."""
    if "complex" in str(values.dtype):
        raise ValueError(
            f"`{name}` must be real numbers. Received dtype: {values.dtype}"
        )


def check_labels(y_true, num_classes, num_rows=None):
    """Raises `ValueError` unless labels are real and have a shape that fits."""
    check_real("y_true", y_true)
    shape, rows = tuple(y_true.shape), "batch" if num_rows is None else num_rows
    fits = len(shape) == 1 or (len(shape) == 2 and shape[1] in (1, num_classes))
    if not fits or (None not in (num_rows, shape[0]) and shape[0] != num_rows):
        raise ValueError(
            f"`y_true` must be class ids of shape ({rows},) or ({rows}, 1) or rows of "
            f"shape ({rows}, {num_classes}). Received shape: {shape}"
        )


def known_ids(y_true, num_classes, xp):
    """Returns class ids, and whether each label is one, both of shape `(B,)`.

    A label is whole and from 0 to K - 1, or a row with a single 1 and otherwise 0.
    What is none has some id.

    Args:
        y_true: Shape `(B,)`, `(B, 1)` or `(B, K)`, of any type.
        num_classes: K.
        xp: `counting_in_keras`, or `counting_in_numpy` for arrays.
    """
    if len(y_true.shape) == 2 and y_true.shape[1] != 1:
        values, known = _of_one_hot(y_true, xp)
    else:
        values = xp.as_numbers(xp.reshape(y_true, (-1,)))
        known = (values >= 0) & (values < num_classes)
        if not xp.is_floating(values):
            return xp.cast(xp.clip(values, 0, num_classes - 1), "int32"), known
        known = known & (xp.floor(values) == values)
    return xp.cast(xp.where(known, values, 0), "int32"), known


def _of_one_hot(rows, xp):
    rows = xp.cast(rows, "float64")
    others = xp.sum(xp.cast(rows != 0, "int32"), axis=-1)
    columns = xp.arange(rows.shape[1], dtype="float64")
    known = (others == 1) & (xp.max(rows, axis=-1) == 1)
    return xp.sum(xp.where(rows != 0, columns, 0.0), axis=-1), known
