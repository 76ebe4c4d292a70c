"""A learned unit vector for each class."""

from typing import Any

import keras
from keras import ops

from keras_refcal.ops.vectors import l2_normalize
from keras_refcal.registration import Configured, serializable
from keras_refcal.types import Tensor


@serializable
class ClassPrototypes(Configured, keras.layers.Layer):
    """One learned direction for each class in the space of embeddings.

    `BalancedContrastiveLoss` has one to compare embeddings with, so that every class
    is there in every batch. Called on embeddings it says how near they are.

    Args:
        num_classes: Integer, 2 or more.
        embedding_dim: Positive integer, length of the embeddings.
        **kwargs: `name`, `dtype`, `trainable` of `keras.layers.Layer`.

    Call arguments:
        inputs: Embeddings, shape `(..., embedding_dim)`.

    Returns:
        Cosine similarities in [-1, 1], shape `(..., num_classes)`.

    Raises:
        ValueError: If an argument is no integer in its range.

    Reference:
        [Zhu et al., 2022](https://arxiv.org/abs/2207.09052), section 3.3.

    Example:

    >>> import numpy as np
    >>> from keras_refcal.layers import ClassPrototypes
    >>> tuple(ClassPrototypes(5, 8)(np.ones((2, 8), "float32")).shape)
    (2, 5)
    """

    def __init__(self, num_classes: int, embedding_dim: int = 128, **kwargs: Any):
        super().__init__(**kwargs)
        for name, value, least in (
            ("num_classes", num_classes, 2),
            ("embedding_dim", embedding_dim, 1),
        ):
            if not isinstance(value, int) or value < least:
                raise ValueError(
                    f"`{name}` must be an integer >= {least}. Received: {value!r}"
                )
        self.num_classes = num_classes
        self.embedding_dim = embedding_dim
        self.directions = self.add_weight(
            shape=(num_classes, embedding_dim),
            initializer=keras.initializers.RandomNormal(stddev=1.0),
            dtype="float32",
            name="directions",
        )
        self.built = True

    def vectors(self) -> Any:
        """Returns the prototypes as unit vectors, `(num_classes, embedding_dim)`."""
        return l2_normalize(ops.convert_to_tensor(self.directions))

    def call(self, inputs: Tensor) -> Any:
        """Returns the cosine similarity to each prototype in float32."""
        inputs = l2_normalize(ops.cast(inputs, "float32"))
        return ops.matmul(inputs, ops.transpose(self.vectors()))

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        """Returns the shape of the similarities."""
        return (*input_shape[:-1], self.num_classes)
