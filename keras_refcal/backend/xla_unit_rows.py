"""Views one after another, scaled to a length, on TensorFlow and JAX."""

from keras import ops

from keras_refcal.types import Tensor


def unit_rows(embeddings: Tensor, length=1.0) -> Tensor:
    """Returns rows of a length, view after view, shape `(V * B, D)`.

    Args:
        embeddings: Shape `(B, V, D)` or `(B, D)`. A zero row stays zero.
        length: Positive number.
    """
    square = ops.sum(embeddings * embeddings, axis=-1, keepdims=True)
    rows = embeddings * (ops.rsqrt(ops.maximum(square, 1e-12)) * length)
    if len(rows.shape) == 3:
        rows = ops.transpose(rows, (1, 0, 2))
    return ops.reshape(rows, (-1, rows.shape[-1]))
