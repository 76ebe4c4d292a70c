"""A callback that ends training with averaged weights."""

from typing import Any

import keras

from keras_refcal.models.averaged_weights import (
    WeightMean,
    batch_normalizations,
    update_batch_statistics,
)
from keras_refcal.types import Tensor
from keras_refcal.validation import check_choice, check_integer

KINDS = ("stochastic", "exponential")


class AverageWeights(keras.callbacks.Callback):
    """Ends training with an average of the weights along it.

    The statistics of batch normalisation are computed anew for the average: the moving
    ones are those of other weights. The model then saves, is calibrated and exports as
    any other, and predicts as fast. Put callbacks that read the trained model, such as
    `CalibrateOnValidation`, after this one.

    Args:
        x: Training inputs for those statistics, see `models.update_batch_statistics`;
            needed if the model has batch normalisation.
        kind: `"stochastic"`: the plain mean of the weights at the ends of epochs, from
            `start` on, best with a learning rate that stays large. `"exponential"`: the
            averages that Keras' optimizer keeps at every step, which `fit` ends with:
            compile with `use_ema=True` and an `ema_momentum` such as 0.999.
        start: Epochs before the first that counts, for `"stochastic"`.
        batch_size: Samples a step for the statistics.

    Raises:
        ValueError: If an argument is not as above; when training starts, if the
            optimizer keeps no averages or `x` is missing.

    Reference:
        [Izmailov et al., 2018](https://arxiv.org/abs/1803.05407) (stochastic weight
        averaging).

    Example:

    >>> import keras
    >>> import numpy as np
    >>> from keras_refcal.callbacks import AverageWeights
    >>> model = keras.Sequential(
    ...     [keras.Input((4,)), keras.layers.Dense(2, activation="softmax")]
    ... )
    >>> model.compile("sgd", "sparse_categorical_crossentropy")
    >>> x, y = np.eye(4), np.array([0, 1, 0, 1])
    >>> history = model.fit(
    ...     x, y, epochs=4, callbacks=[AverageWeights(start=2)], verbose=0)
    """

    def __init__(
        self,
        x: Tensor | None = None,
        kind: str = "stochastic",
        start: int = 0,
        batch_size: int = 128,
    ):
        super().__init__()
        check_choice("kind", kind, KINDS)
        check_integer("start", start, 0)
        self.x = x
        self.kind = kind
        self.start = start
        self.batch_size = batch_size

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Starts an average."""
        self._mean = WeightMean()
        optimizer = self.model.optimizer
        optimizer = getattr(optimizer, "inner_optimizer", optimizer)
        if self.kind == "exponential" and not optimizer.use_ema:
            raise ValueError(
                "`kind='exponential'` needs an optimizer that keeps averages: compile "
                f"with `use_ema=True`. Received: {optimizer!r}"
            )
        if self.x is None and batch_normalizations(self.model):
            raise ValueError(
                "`x` must be given: the model has batch normalisation, whose "
                "statistics are to be computed anew for the average of the weights."
            )

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Counts the weights of the epoch."""
        if self.kind == "stochastic" and epoch >= self.start:
            self._mean.add(self.model)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Gives the model the average and its batch statistics."""
        if self._mean.count:
            self._mean.assign_to(self.model)
        if self.x is not None:
            update_batch_statistics(self.model, self.x, self.batch_size)
