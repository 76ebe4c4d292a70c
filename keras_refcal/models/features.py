"""What an encoder makes of its inputs: of which shape, and computed once for all."""

from typing import Any

import keras
import numpy as np

from keras_refcal.backend import inference
from keras_refcal.models.views import flat_shapes, is_shape, without_views
from keras_refcal.types import Tensor

FEATURES, FEATURES_RANK = "features", 2


def is_features(inputs) -> bool:
    """Whether inputs of a `RefCalModel` are features, which need no encoder."""
    return isinstance(inputs, dict) and set(inputs) == {FEATURES}


def features_shape_of(encoder, input_shape) -> tuple:
    """Returns the shape of an encoder's features, and builds it where it is not.

    Args:
        encoder: A `keras.Model` or layer.
        input_shape: Shape of its inputs, or a nest of shapes, with or without views.

    Raises:
        ValueError: If the features have no shape `(batch, features)`.
    """
    if is_features(input_shape):
        return (None, input_shape[FEATURES][-1])
    shapes, _ = without_views(encoder, flat_shapes(input_shape))
    if getattr(encoder, "inputs", None):
        shape = encoder.output_shape
    else:
        parts = [keras.KerasTensor((None, *shape[1:])) for shape in shapes]
        features = encoder(_packed(input_shape, parts))
        shape = keras.tree.map_structure(lambda x: tuple(x.shape), features)
    if not isinstance(shape, tuple) or len(shape) != FEATURES_RANK:
        raise ValueError(
            "`encoder` must return features of shape (batch, features). Received an "
            f"encoder with output shape {shape} for inputs of shape {input_shape}. "
            "`models.encoders.from_backbone` pools sequences and feature maps. If the "
            "second axis of the inputs is one of views, build the encoder without it."
        )
    return shape


def encode(model: keras.Model, x: Tensor, batch_size: int = 256) -> Any:
    """Returns inputs of a `RefCalModel` that stand for others: `{"features": …}`.

    The model skips its encoder for them. They hold what the encoder returns in
    inference mode, which is how a frozen encoder always runs.

    Args:
        model: A `RefCalModel`.
        x: What the encoder takes, an array, or a tuple or mapping of arrays, of shape
            `(n, ...)` or `(n, views, ...)`.
        batch_size: Samples that go through the encoder at once.

    Returns:
        A mapping of `"features"` to float32 of shape `(n, features)` or
        `(n, views, features)`.

    Example:

    >>> import keras
    >>> import numpy as np
    >>> from keras_refcal import RefCalModel
    >>> from keras_refcal.models import encode
    >>> encoder = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8)])
    >>> model = RefCalModel(encoder, num_classes=2)
    >>> encoded = encode(model, np.eye(4, dtype="float32"))
    >>> encoded["features"].shape, model.predict(encoded, verbose=0).shape
    ((4, 8), (4, 2))
    """
    return encoding(model, batch_size)(x)


def encoding(model, batch_size=256):
    """Returns `encode` as a function of `x` alone, to be called for many arrays."""
    run = inference(model.encoder)

    def encoded(x):
        x = keras.tree.map_structure(_as_array, x)
        if not model.built:
            model(keras.tree.map_structure(lambda part: part[:1], x))
        if model.training_views is not None:
            x = model.training_views.raw_as_float(x)
        shapes = [part.shape for part in keras.tree.flatten(x)]
        _, has_views = without_views(model.encoder, shapes)
        if has_views:
            x = keras.tree.map_structure(
                lambda part: part.reshape(-1, *part.shape[2:]), x
            )
        starts = range(0, len(keras.tree.flatten(x)[0]), batch_size)
        features = [run(_rows(x, start, batch_size)) for start in starts]
        features = np.concatenate(features).astype("float32")
        return {FEATURES: features.reshape(*shapes[0][: 1 + has_views], -1)}

    return encoded


def _as_array(x):
    return x if isinstance(x, np.ndarray) else keras.ops.convert_to_numpy(x)


def _rows(x, start, count):
    return keras.tree.map_structure(lambda part: part[start : start + count], x)


def _packed(shapes, parts):
    """Returns tensors, in the order of `flat_shapes`, in the form of a nest."""
    if is_shape(shapes):
        return parts[0]
    if isinstance(shapes, dict):
        names = sorted(shapes)
        return {
            n: _packed(shapes[n], [part]) for n, part in zip(names, parts, strict=True)
        }
    return type(shapes)(
        _packed(shape, [part]) for shape, part in zip(shapes, parts, strict=True)
    )
