"""Scores, labels and weights, checked before they are used."""

import reprlib

import numpy as np

# How far a row of probabilities may sum from 1, everywhere in this package. Rows in
# half precision, and rows rounded to three digits, are within; rows of logits are not.
ROW_SUM_TOLERANCE = 1e-2


def as_outputs(name, values) -> np.ndarray:
    """Returns finite numbers in float32 or float64, shape `(n, columns)`, or raises.

    Args:
        name: What the argument is called where it was given.
        values: Shape `(n, columns)`, or `(n,)` for one column. Types of less than 32
            bits become float32, all others but float32 become float64.

    Raises:
        ValueError: For no numbers, another shape, an empty input, NaN or infinity.
    """
    values = as_array(name, values)
    if values.dtype not in (np.float32, np.float64):
        values = _as_floats(name, values)
    values = values[:, None] if values.ndim == 1 else values
    if values.ndim != 2 or values.shape[1] == 0:
        raise ValueError(
            f"`{name}` must have shape (n, num_classes), or (n,) or (n, 1) for two "
            f"classes. Received shape: {values.shape}"
        )
    if values.shape[0] == 0:
        raise ValueError(f"`{name}` must hold one sample or more. Received: 0.")
    check_finite(name, values)
    return values


def check_finite(name, values) -> None:
    """Raises `ValueError` if values of shape `(n, columns)` hold NaN or infinity."""
    sums = values @ np.ones(values.shape[1], values.dtype)  # one pass, no copy
    if np.all(np.isfinite(sums)):
        return
    suspects = np.flatnonzero(~np.isfinite(sums))
    bad = suspects[~np.isfinite(values[suspects]).all(axis=1)]
    if bad.size:
        raise ValueError(
            f"`{name}` must be finite. Received NaN or infinity in {bad.size} of "
            f"{values.shape[0]} rows, first in row {bad[0]}."
        )


def check_probabilities(name, values, if_logits="pass them as `logits=`") -> None:
    """Raises `ValueError` unless finite scores are probabilities.

    Args:
        name: What the argument is called where it was given.
        values: Shape `(n, columns)`; a single column is the probability of class 1.
        if_logits: What to do if the scores are logits, for the message.
    """
    low, high = values.min(), values.max()
    if low < 0 or high > 1 + ROW_SUM_TOLERANCE:
        raise ValueError(
            f"`{name}` must lie in [0, 1]. Received values from {low:g} to {high:g}. "
            f"If these are logits, {if_logits}."
        )
    if values.shape[1] == 1:
        if high > 1:
            raise ValueError(
                f"`{name}` of one column must lie in [0, 1]. Received values up to "
                f"{high:g}."
            )
        return
    off = np.abs(values @ np.ones(values.shape[1], values.dtype) - 1)
    worst = int(np.argmax(off))
    if off[worst] > ROW_SUM_TOLERANCE:
        raise ValueError(
            f"Rows of `{name}` must sum to 1 within {ROW_SUM_TOLERANCE:g}. "
            f"Received: {np.sum(off > ROW_SUM_TOLERANCE)} rows that do not; row "
            f"{worst} sums to {values[worst].sum():g}. If these are logits, "
            f"{if_logits}; if they are independent probabilities of several labels, "
            "judge each column alone; otherwise divide each row by its sum first."
        )


def are_probabilities(values) -> bool:
    """Whether finite scores of two or more columns can be read as probabilities."""
    if values.shape[1] < 2 or values.min() < 0 or values.max() > 1 + ROW_SUM_TOLERANCE:
        return False
    return bool(np.all(np.abs(values.sum(axis=1) - 1) <= ROW_SUM_TOLERANCE))


def two_columns(values, from_logits) -> np.ndarray:
    """Returns scores with a column for each class.

    Args:
        values: Shape `(n, columns)`. One column speaks of class 1 of two: `p` becomes
            `[1 - p, p]`, a logit `z` becomes `[0, z]`.
        from_logits: Whether the values are logits.
    """
    if values.shape[1] != 1:
        return values
    other = np.zeros_like(values) if from_logits else 1 - values
    return np.concatenate([other, values], axis=1)


def as_class_ids(y_true, num_samples, num_classes, classes=None) -> np.ndarray:
    """Returns class ids, int64 of shape `(n,)`, or raises.

    Args:
        y_true: Class ids, shape `(n,)` or `(n, 1)`, or one-hot rows
            `(n, num_classes)`.
        num_samples: n.
        num_classes: Number of classes, 2 or more.
        classes: Names of the columns; labels of shape `(n,)` are then among them.

    Raises:
        ValueError: For labels that are no class ids: another number or shape, text,
            fractions, ids out of range, rows that are not one-hot.
    """
    labels = as_array("y_true", y_true)
    if classes is not None:
        labels = _places(labels, classes, num_classes)
    if (
        labels.ndim == 0
        or len(labels) != num_samples
        or labels.dtype.kind not in "biuf"
    ):
        raise ValueError(
            f"`y_true` must hold a label for each of the {num_samples} predictions, "
            f"as numbers. Received shape {labels.shape} and dtype {labels.dtype}."
        )
    if labels.ndim == 2 and labels.shape[1] == num_classes:
        return _ids_of_one_hot(labels)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1:
        raise ValueError(
            "`y_true` must have shape (n,), (n, 1) or (n, num_classes) with "
            f"num_classes={num_classes}. Received shape: {labels.shape}"
        )
    if not np.all(np.isfinite(labels) & (labels == np.round(labels))):
        raise ValueError(
            "`y_true` must hold whole numbers (class ids). Soft labels have no single "
            "right class: judge against the class that was observed."
        )
    low, high = labels.min(), labels.max()
    if low < 0 or high >= num_classes:
        raise ValueError(
            f"`y_true` must hold class ids from 0 to {num_classes - 1}. "
            f"Received ids from {float(low):.12g} to {float(high):.12g}. "
            "Leave samples without a label out."
        )
    return labels.astype("int64")


def _places(labels, classes, num_classes):
    """Returns the column of each label; labels in one-hot rows stay."""
    place = {name: column for column, name in enumerate(classes)}
    if len(place) != num_classes or len(classes) != num_classes:
        raise ValueError(
            f"`classes` must be a name of its own for each of the {num_classes} "
            f"columns. Received: {reprlib.repr(list(classes))}"
        )
    if labels.ndim == 2 and labels.shape[1] == num_classes:
        return labels
    labels = labels.reshape(-1) if labels.shape[1:] == (1,) else labels
    flat = labels.tolist() if labels.ndim == 1 else []
    strange = sorted({str(label) for label in flat if label not in place})
    if labels.ndim != 1 or strange:
        raise ValueError(
            f"`y_true` must hold labels among `classes`, {reprlib.repr(list(place))}. "
            f"Received shape {labels.shape}, among them {strange[:5]}"
        )
    return np.array([place[label] for label in flat], "int64")


def as_weights(name, values, length) -> np.ndarray:
    """Returns weights in float64, shape `(length,)`, or raises.

    Args:
        name: What the argument is called where it was given.
        values: Finite numbers of 0 or more, shape `(length,)` or `(length, 1)`;
            `None` for 1 each.
        length: How many there must be.
    """
    if values is None:
        return np.ones(length)
    values = as_array(name, values)
    if values.dtype.kind not in "biuf":
        values = _as_floats(name, values)
    values = values.astype("float64")
    if values.shape == (length, 1):
        values = values[:, 0]
    fit = values.shape == (length,)
    with np.errstate(over="ignore"):
        total = values.sum()
    if not fit or not np.all(values >= 0) or not np.isfinite(total):
        raise ValueError(
            f"`{name}` must hold {length} finite numbers of 0 or more. Received "
            f"shape {values.shape}"
            + (f", values from {values.min():g} to {values.max():g}." if fit else ".")
        )
    return values


def as_class_counts(values, num_classes) -> np.ndarray:
    """Returns training samples of each class, shape `(num_classes,)`, or raises.

    Args:
        values: Finite numbers of 0 or more, shape `(num_classes,)`.
        num_classes: How many there must be.
    """
    counts = as_array("class_counts", values)
    fit = counts.shape == (num_classes,) and counts.dtype.kind in "iuf"
    if not fit or not np.all((counts >= 0) & np.isfinite(counts)):
        raise ValueError(
            "`class_counts` must be a finite number of training samples, 0 or more, "
            f"for each of the {num_classes} classes. Received shape {counts.shape} and "
            f"dtype {counts.dtype}"
            + (f", values from {counts.min():g} to {counts.max():g}." if fit else ".")
        )
    return counts


def as_array(name, values):
    """Returns an array; refuses what NumPy would read as something else.

    Args:
        name: What the argument is called where it was given.
        values: Anything that NumPy makes an array of.
    """
    if np.ma.is_masked(values):
        raise ValueError(
            f"`{name}` must not hold masked entries: leave those samples out."
        )
    try:
        return np.asarray(values)
    except ValueError as error:
        raise ValueError(
            f"`{name}` must be an array, every row of the same length ({error})."
        ) from error


def _as_floats(name, values):
    small = values.dtype.itemsize <= 2
    # bfloat16 and its like are no kind that NumPy knows, but no plain bytes either.
    extended = values.dtype.kind == "V" and values.dtype.type is not np.void
    if values.dtype.kind not in "biuf" and not extended:
        raise ValueError(
            f"`{name}` must be real numbers. Received dtype: {values.dtype}"
        )
    return values.astype("float32" if small else "float64")


def _ids_of_one_hot(rows):
    bad = np.any((rows != 0) & (rows != 1), axis=1) | (rows.sum(axis=1) != 1)
    if not bad.any():
        return np.argmax(rows, axis=1)
    first = int(np.argmax(bad))
    several = np.all((rows == 0) | (rows == 1)) and rows.sum(axis=1).max() > 1
    advice = (
        "For several labels a sample, judge each column alone as two classes."
        if several
        else "Soft labels have no single right class: judge against the class that "
        "was observed."
    )
    raise ValueError(
        "`y_true` of shape (n, num_classes) must be one-hot: a single 1 in each row, "
        f"otherwise 0. Received {np.sum(bad)} rows that are not; row {first} is "
        f"{rows[first][:10].tolist()}. {advice}"
    )
