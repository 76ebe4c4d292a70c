"""The view axis: several augmented views of a sample pass as one batch.

Inputs are whatever an encoder takes: a tensor, or a tuple, list or mapping of tensors.
The view axis is the second axis of every part.
"""

import keras
from keras import ops

from keras_refcal.types import Tensor

IMAGE_RANK = 4


def input_ranks(encoder, shapes):
    """Returns the rank, batch axis included, of each part that an encoder takes.

    A model that knows its inputs tells, and so does what is built; a layer may ask for
    a rank. Any other encoder is taken to read inputs without a view axis, but where
    these are one tensor of rank 5, images with views.

    Args:
        encoder: A `keras.Model` or layer.
        shapes: Shapes of what is to be encoded, in a list.
    """
    known = _known_shapes(encoder)
    if known is None:
        spec = getattr(encoder, "input_spec", None)
        if getattr(spec, "ndim", None) is not None:
            return [spec.ndim]
        ranks = [len(shape) for shape in shapes]
        return [IMAGE_RANK] if ranks == [IMAGE_RANK + 1] else ranks
    if len(known) != len(shapes):
        raise ValueError(
            f"The encoder takes {len(known)} inputs. Received {len(shapes)}, of shapes "
            f"{shapes}."
        )
    return [len(shape) for shape in known]


def without_views(encoder, shapes):
    """Returns a list of shapes of one view each, and whether there was a view axis.

    Args:
        encoder: See `input_ranks`.
        shapes: See `input_ranks`.

    Raises:
        ValueError: If not all parts, or none, have a view axis.
    """
    ranks = input_ranks(encoder, shapes)
    more = {len(shape) - rank for shape, rank in zip(shapes, ranks, strict=True)}
    if more == {0}:
        return shapes, False
    views = {shape[1] for shape in shapes if len(shape) > 1}
    if more != {1} or len(views) > 1:
        if len(ranks) == 1:
            raise ValueError(
                f"The inputs must have rank {ranks[0]}, or {ranks[0] + 1} with a view "
                f"axis after the batch axis. Received shape: {shapes[0]}"
            )
        raise ValueError(
            f"The inputs must have ranks {ranks}, or one more with a view axis after "
            f"the batch axis in every part. Received shapes: {shapes}"
        )
    return [(shape[0], *shape[2:]) for shape in shapes], True


def fold_views(inputs, encoder) -> tuple:
    """Returns inputs with the view axis folded into the batch, and the views.

    Args:
        inputs: What the encoder takes, of shape `(batch, ...)` or
            `(batch, views, ...)` in every part.
        encoder: The encoder.
    """
    shapes = [tuple(x.shape) for x in keras.tree.flatten(inputs)]
    _, has_views = without_views(encoder, shapes)
    return (fold(inputs), shapes[0][1]) if has_views else (inputs, 1)


def fold(inputs):
    """Returns tensors of shape `(batch, views, ...)` as `(batch * views, ...)`."""
    return keras.tree.map_structure(
        lambda x: ops.reshape(x, (-1, *tuple(x.shape)[2:])), inputs
    )


def unfold_views(outputs: Tensor, views: int) -> Tensor:
    """Returns outputs, shape `(batch * views, dim)`, as `(batch, views, dim)`."""
    return ops.reshape(outputs, (-1, views, outputs.shape[-1]))


def is_shape(value) -> bool:
    """Whether a value is a shape rather than a tuple, list or mapping of shapes."""
    return isinstance(value, tuple | list) and all(
        isinstance(size, int | None) for size in value
    )


def flat_shapes(shapes) -> list:
    """Returns the shapes of a nest in the order of `keras.tree.flatten`."""
    if is_shape(shapes):
        return [tuple(shapes)]
    if isinstance(shapes, dict):
        shapes = [shapes[name] for name in sorted(shapes)]
    return [shape for part in shapes for shape in flat_shapes(part)]


def _known_shapes(encoder):
    """Returns the shapes of what an encoder takes, or `None` if it does not tell."""
    if getattr(encoder, "inputs", None):
        return [tuple(x.shape) for x in encoder.inputs]
    config = encoder.get_build_config() if encoder.built else None
    shapes = (config or {}).get("input_shape")
    return None if shapes is None else flat_shapes(shapes)
