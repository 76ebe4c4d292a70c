"""Which rows of what came count, brought into two axes."""

from typing import Any, NamedTuple

import numpy as np

from keras_refcal.predictions.checks import as_array, as_weights


class Rows(NamedTuple):
    """Arrays of as many rows: those of weight 0 and of an ignored label are left out.

    Attributes:
        labels: As they came, leading axes flattened.
        outputs: Likewise, shape `(n,)` or `(n, columns)`.
        weights: Above 0, float64 of shape `(n,)`, or `None`.
        groups: Shape `(n,)`, or `None`.
        kept: Places among the rows that came, or `None` for all of them.
    """

    labels: np.ndarray
    outputs: np.ndarray
    weights: np.ndarray | None
    groups: np.ndarray | None
    kept: np.ndarray | None


def given_rows(
    y_true: Any,
    name: str,
    outputs: Any,
    sample_weight: Any = None,
    groups: Any = None,
    ignore_class: Any = None,
) -> Rows:
    """Returns the rows that count; labels and outputs are not checked yet.

    Args:
        y_true: Labels, see `as_predictions`.
        name: What `outputs` are called where they were given.
        outputs: See `as_predictions`.
        sample_weight: A number for each sample, of the leading shape or of its first
            axes, or `None`.
        groups: A value for each sample, likewise, or `None`.
        ignore_class: A label, or `None`.

    Raises:
        ValueError: If shapes do not fit, for weights that are none, and if no row is
            left.
    """
    outputs, labels = as_array(name, outputs), as_array("y_true", y_true)
    leading = outputs.shape[:-1] if outputs.ndim > 2 else outputs.shape[:1]
    size = int(np.prod(leading)) if leading else 0
    if outputs.ndim > 2:
        columns = outputs.shape[-1]
        outputs = outputs.reshape(size, columns)
        labels = _flat("y_true", labels, leading, columns)
    weights = None
    if sample_weight is not None:
        weights = _flat(
            "sample_weight", as_array("sample_weight", sample_weight), leading
        )
        weights = as_weights("sample_weight", weights, size)
    if groups is not None:
        groups = _flat("groups", np.asarray(groups), leading).reshape(-1)
    counts = np.ones(size, bool) if weights is None else weights > 0
    if ignore_class is not None and labels.shape in ((size,), (size, 1)):
        counts &= labels.reshape(-1) != ignore_class
    if counts.all():
        return Rows(labels, outputs, weights, groups, None)
    if not counts.any():
        raise ValueError(
            f"One sample or more must count. Received {size}, all of weight 0"
            + (f" or of label {ignore_class!r}." if ignore_class is not None else ".")
        )
    if len(labels) != size:
        raise ValueError(
            f"`y_true` must hold a label for each of the {size} predictions. Received "
            f"shape: {labels.shape}"
        )
    kept = np.flatnonzero(counts)
    taken = (None if x is None else x[kept] for x in (labels, outputs, weights, groups))
    return Rows(*taken, kept)


def _flat(name, values, leading, columns=None):
    """Returns values with one axis in place of the leading ones."""
    size = int(np.prod(leading))
    if values.shape in (leading, (*leading, 1)):
        return values.reshape(size)
    if columns is None and 0 < values.ndim < len(leading):
        # A value for each sample goes for all of its positions.
        if values.shape == leading[: values.ndim]:
            axes = [1] * (len(leading) - values.ndim)
            return np.broadcast_to(
                values.reshape(*values.shape, *axes), leading
            ).reshape(size)
    if columns is not None and values.shape == (*leading, columns):
        return values.reshape(size, columns)
    if columns is None and len(leading) == 1 and name == "sample_weight":
        return values  # `as_weights` says what is wrong
    also = "" if columns is None else f", or one-hot rows {(*leading, columns)}"
    raise ValueError(
        f"`{name}` must have the leading shape of the predictions, {leading}{also}. "
        f"Received shape: {values.shape}"
    )
