"""The head that maps an encoder's features to the contrastive embedding."""

import functools
from typing import Any

import keras
from keras import ops

from keras_refcal.ops.vectors import l2_normalize
from keras_refcal.registration import serializable
from keras_refcal.types import Tensor

_DENSE = ("hidden", "output_layer")


@serializable
class ProjectionHead(keras.layers.Layer):
    """Dense, ReLU, Dense, L2 normalisation: the head of the contrastive loss.

    The hidden layer is as wide as the input, as published (2048, 2048, 128).

    Args:
        projection_dim: Positive integer, length of the embedding.
        **kwargs: `name`, `dtype`, `trainable` of `keras.layers.Layer`.

    Call arguments:
        inputs: Features, shape `(batch, features)`.

    Returns:
        Unit vectors, shape `(batch, projection_dim)`.

    Raises:
        ValueError: If `projection_dim` is not positive.

    Reference:
        [Khosla et al., 2020](https://arxiv.org/abs/2004.11362), section 3.1.

    Example:

    >>> import numpy as np
    >>> from keras_refcal.layers import ProjectionHead
    >>> embedding = ProjectionHead(4)(np.ones((2, 8), "float32"))
    >>> tuple(embedding.shape)
    (2, 4)
    """

    def __init__(self, projection_dim: int = 128, **kwargs: Any):
        super().__init__(**kwargs)
        if not isinstance(projection_dim, int) or projection_dim < 1:
            raise ValueError(
                "`projection_dim` must be a positive integer. "
                f"Received: {projection_dim!r}"
            )
        self.projection_dim = projection_dim

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Creates the two dense layers, or the weights of those that were saved."""
        if not hasattr(self, "hidden"):
            dense = functools.partial(keras.layers.Dense, dtype=self.dtype_policy)
            self.hidden = dense(input_shape[-1], activation="relu", name="hidden")
            self.output_layer = dense(self.projection_dim, name="output")
        for layer in (self.hidden, self.output_layer):
            if not layer.built:
                layer.build(input_shape)

    def call(self, inputs: Tensor) -> Any:
        """Returns the unit vectors in float32."""
        projected = self.output_layer(self.hidden(inputs))
        return l2_normalize(ops.cast(projected, "float32"))

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        """Returns the shape of the embedding."""
        return (*input_shape[:-1], self.projection_dim)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments, and the dense layers of a built head.

        Those may be quantised, or one of them frozen.
        """
        dense = {
            name: keras.saving.serialize_keras_object(getattr(self, name))
            for name in _DENSE
            if hasattr(self, name)
        }
        return {
            **super().get_config(),
            "projection_dim": self.projection_dim,
            **dense,
        }

    @classmethod
    def from_config(cls, config: Any) -> Any:
        """Returns the head that `get_config` described."""
        own = {name: value for name, value in config.items() if name not in _DENSE}
        head = cls(**own)
        for name in _DENSE:
            if name in config:
                layer = keras.saving.deserialize_keras_object(config[name])
                setattr(head, name, layer)
        return head
