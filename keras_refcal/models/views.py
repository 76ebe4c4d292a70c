"""The view axis: several augmented views of an image pass as one batch."""

from keras import ops

from keras_refcal.types import Tensor

IMAGE_RANK = 4


def encoder_rank(encoder) -> int:
    """Returns the rank, batch axis included, of what an encoder takes.

    A model that knows its inputs tells; any other encoder is taken to read images,
    `(batch, height, width, channels)`.
    """
    inputs = getattr(encoder, "inputs", None)
    return len(inputs[0].shape) if inputs else IMAGE_RANK


def fold_views(inputs: Tensor, rank: int) -> tuple[Tensor, int]:
    """Returns inputs with the view axis folded into the batch, and the views.

    Args:
        inputs: Shape `(batch, ...)` of rank `rank`, or `(batch, views, ...)`.
        rank: Rank without a view axis.

    Raises:
        ValueError: If the rank is neither `rank` nor `rank + 1`.
    """
    shape = inputs.shape
    if len(shape) == rank:
        return inputs, 1
    if len(shape) != rank + 1:
        raise ValueError(
            f"The inputs must have rank {rank}, or {rank + 1} with a view axis after "
            f"the batch axis. Received shape: {tuple(shape)}"
        )
    return ops.reshape(inputs, (-1, *shape[2:])), shape[1]


def unfold_views(outputs: Tensor, views: int) -> Tensor:
    """Returns outputs, shape `(batch * views, dim)`, as `(batch, views, dim)`."""
    return ops.reshape(outputs, (-1, views, outputs.shape[-1]))
