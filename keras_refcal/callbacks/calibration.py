"""A callback that fits a calibrator on validation data."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_refcal.layers import TemperatureScaling
from keras_refcal.layers.calibrators.attaching import returns_logits
from keras_refcal.layers.calibrators.base import Calibrator
from keras_refcal.types import Tensor


class CalibrateOnValidation(keras.callbacks.Callback):
    """Fits a calibrator to the model's validation predictions at the end of training.

    Afterwards `calibrator` is fitted, and `calibrated_model` is the trained model with
    the calibrator attached: save that. With `each_epoch=True` it also fits after every
    epoch and logs `val_calibrated_loss`, the mean negative log-likelihood in nats that
    is left after calibration (on the validation data themselves). Stopping by it keeps
    the epoch that is best once calibrated, not the one before the model became
    overconfident; put this callback before `EarlyStopping` or `ModelCheckpoint`, and
    give those `mode="min"`.

    Args:
        x: Validation inputs, as `predict` takes them; no part of training.
        y: Their class ids or one-hot rows.
        calibrator: A calibrator of `keras_refcal.layers`; `None` for temperature
            scaling of what the model says that it returns, probabilities if it does
            not say.
        each_epoch: Whether to fit and log after every epoch.
        batch_size: Samples a step of `predict`.

    Raises:
        ValueError: If `calibrator` is not a calibrator.

    Reference:
        Berta et al., 2025, https://arxiv.org/abs/2501.19195 (stopping by the loss
        after calibration).

    Example:

    >>> import keras
    >>> import numpy as np
    >>> from keras_refcal.callbacks import CalibrateOnValidation
    >>> model = keras.Sequential(
    ...     [keras.Input((2,)), keras.layers.Dense(2, activation="softmax")]
    ... )
    >>> model.compile(keras.optimizers.SGD(1.0), "sparse_categorical_crossentropy")
    >>> x = np.random.default_rng(0).normal(size=(40, 2))
    >>> y = (x.sum(axis=1) + 0.3 * x[:, 0] ** 2 > 0).astype("int64")
    >>> callback = CalibrateOnValidation(x[20:], y[20:])
    >>> history = model.fit(
    ...     x[:20], y[:20], epochs=10, callbacks=[callback], verbose=0)
    >>> callback.calibrated_model.predict(x[20:], verbose=0).shape
    (20, 2)
    """

    def __init__(
        self,
        x: Tensor,
        y: Tensor,
        calibrator: Any = None,
        each_epoch: bool = False,
        batch_size: int = 128,
    ):
        super().__init__()
        if calibrator is not None and not isinstance(calibrator, Calibrator):
            raise ValueError(
                "`calibrator` must be a calibrator of keras_refcal.layers or None. "
                f"Received: {calibrator!r}"
            )
        self.x, self.y = x, y
        self.calibrator = calibrator
        self.each_epoch = each_epoch
        self.batch_size = batch_size
        self.calibrated_model = None

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Fits and logs the loss that is left, if asked to."""
        if self.each_epoch:
            logs["val_calibrated_loss"] = self._fit()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Fits to the trained model and attaches the calibrator to it."""
        self._fit()
        self.calibrated_model = self.calibrator.attach(
            self.model, from_logits=self.calibrator.from_logits
        )

    def _fit(self):
        if self.calibrator is None:
            from_logits = bool(returns_logits(self.model))
            self.calibrator = TemperatureScaling(from_logits=from_logits)
        scores = self.model.predict(self.x, self.batch_size, verbose=0)
        self.calibrator.fit(self.y, scores)
        calibrated = ops.convert_to_numpy(self.calibrator(scores))
        return _log_loss(np.asarray(self.y), calibrated)


def _log_loss(labels, probabilities):
    """Returns the mean negative log-likelihood of ids or one-hot rows, in nats."""
    probabilities = probabilities.reshape(len(labels), -1)
    if probabilities.shape[1] == 1:
        probabilities = np.hstack([1 - probabilities, probabilities])
    if labels.ndim == 2 and labels.shape[1] > 1:
        labels = np.argmax(labels, axis=1)
    labels = labels.reshape(-1).astype("int64")
    of_label = probabilities[np.arange(len(labels)), labels]
    return float(-np.mean(np.log(np.maximum(of_label, 1e-30))))
