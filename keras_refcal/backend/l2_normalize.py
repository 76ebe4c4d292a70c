"""Views one after another, scaled to a length, on TensorFlow and JAX."""

from keras import ops

from keras_refcal.types import Tensor

# A row without a greater entry counts as zero: the gradient at a row is that at the
# unit vector over the length of the row, and stays finite in float32.
MIN_ENTRY = 1e-32


def l2_normalized_rows(embeddings: Tensor, length=1.0) -> Tensor:
    """Returns rows of a length, view after view, shape `(V * B, D)`.

    Args:
        embeddings: Shape `(B, V, D)` or `(B, D)`. A zero row stays zero.
        length: Positive number.
    """
    rows = l2_normalize(embeddings) * length
    if len(rows.shape) == 3:
        rows = ops.transpose(rows, (1, 0, 2))
    return ops.reshape(rows, (-1, rows.shape[-1]))


def l2_normalize(x: Tensor) -> Tensor:
    """Returns `x / |x|` along the last axis; a zero vector stays zero.

    Args:
        x: Shape `(..., dim)`, floating.
    """
    # In units of the greatest entry, which counts as constant, squares are in range.
    unit = ops.stop_gradient(ops.max(ops.abs(x), axis=-1, keepdims=True))
    is_zero = unit < MIN_ENTRY
    x = ops.where(is_zero, 0.0, x / ops.where(is_zero, 1.0, unit))
    square = ops.sum(x * x, axis=-1, keepdims=True)
    return x * ops.rsqrt(ops.where(is_zero, 1.0, square))
