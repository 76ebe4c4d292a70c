"""A callback that tells how good the model would be once calibrated."""

from typing import Any

import keras

from keras_refcal.backend.keras_internals import (
    MetricsList,
    add_metrics,
    remove_metrics,
    say_less_is_better,
)
from keras_refcal.evaluation.refinement import in_sample_refinement
from keras_refcal.layers.calibrators.attaching import returns_logits
from keras_refcal.predictions import as_predictions
from keras_refcal.types import Tensor
from keras_refcal.validation import check_integer

SCORES = ("nll_refinement", "nll_calibration", "brier_refinement")


class ValidationRefinement(keras.callbacks.Callback):
    """Logs what is left of the validation loss once the model is calibrated.

    A model may grow overconfident while it still learns to tell classes apart: its
    validation loss then rises, and early stopping by it comes too soon. What one
    temperature can repair afterwards should not count. After every epoch the logs hold

    - `val_nll_refinement`: the negative log-likelihood, in nats, that the best
      temperature leaves;
    - `val_nll_calibration`: what that temperature saves, 0 or more;
    - `val_brier_refinement`: the Brier score, 0 to 2, at the same temperature.

    They are `nll_refinement_in_sample` and `brier_refinement_in_sample` of
    `evaluation.evaluate`. `EarlyStopping`, `ModelCheckpoint` and `ReduceLROnPlateau`
    know that less is better, as of `val_loss`; hand them to `fit` after this one.
    Calibrate the model that is kept: see `CalibrateOnValidation`.

    Args:
        x: Validation inputs, as `predict` takes them; no part of training.
        y: Their class ids or one-hot rows.
        batch_size: Samples a step of `predict`.
        every: Epochs from one figure to the next, where an epoch is so short that
            judging it would take the most of the time; the last has one too.
        from_logits: Whether the model returns logits; `None` for what it says, and
            for probabilities if it does not say.

    Raises:
        ValueError: At the first epoch, if `y` is no labels of what the model returns,
            or that is no probabilities.

    Reference:
        [Berta et al., 2025](https://arxiv.org/abs/2501.19195).

    Example:

    >>> import keras
    >>> import numpy as np
    >>> from keras_refcal.callbacks import ValidationRefinement
    >>> model = keras.Sequential(
    ...     [keras.Input((2,)), keras.layers.Dense(2, activation="softmax")]
    ... )
    >>> model.compile("adam", "sparse_categorical_crossentropy")
    >>> x, y = np.random.default_rng(0).normal(size=(40, 2)), np.arange(40) % 2
    >>> stop = keras.callbacks.EarlyStopping("val_nll_refinement", patience=3)
    >>> history = model.fit(
    ...     x[:20], y[:20], verbose=0,
    ...     callbacks=[ValidationRefinement(x[20:], y[20:]), stop])
    >>> sorted(history.history)
    ['loss', 'val_brier_refinement', 'val_nll_calibration', 'val_nll_refinement']
    """

    def __init__(
        self,
        x: Tensor,
        y: Tensor,
        batch_size: int = 128,
        from_logits: Any = None,
        every: int = 1,
    ):
        super().__init__()
        check_integer("every", every, 1)
        self.x, self.y = x, y
        self.every = every
        self.batch_size = batch_size
        self.from_logits = from_logits
        self._directions = None

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Lets Keras know which way is better."""
        self._directions = _Directions()
        add_metrics(self.model, self._directions)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Leaves the model as it was."""
        remove_metrics(self.model, self._directions)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Adds the figures to the logs of the epoch, where they are due."""
        done = epoch + 1
        if done % self.every and done != self.params.get("epochs"):
            return
        logs.update({f"val_{name}": value for name, value in self._figures().items()})

    def _figures(self):
        from_logits = self.from_logits
        if from_logits is None:
            from_logits = returns_logits(self.model)
        scores = self.model.predict(self.x, self.batch_size, verbose=0)
        kind = "logits" if from_logits else "probabilities"
        predictions = as_predictions(self.y, **{kind: scores})
        left, _ = in_sample_refinement(predictions)
        nll = float(-predictions.log_label_probability.mean())
        return dict(zip(SCORES, (left.nll, nll - left.nll, left.brier), strict=True))


class _Directions(MetricsList):
    """What Keras reads to know whether less of a figure is better; counts nothing.

    It looks for a compiled metric of that name, in lists of this class alone.
    """

    def __init__(self):
        super().__init__([keras.metrics.Metric(name=name) for name in SCORES])
        for metric in self.metrics:
            say_less_is_better(metric)

    def update_state(self, *args, **kwargs):
        """Counts nothing."""

    def reset_state(self):
        """Has nothing to reset."""

    def result(self):
        """Returns no figure for the logs."""
        return {}
