"""Callbacks for losses that change during training.

Each finds its losses in the compiled model, `model.loss`, and changes variables of
theirs. In a `RefCalModel` these are the model's own, and tracked. Any other model is
compiled anew after a change, since on JAX a compiled step has untracked variables as
constants; and where several such models were compiled with one loss object, what it
learned in one of them is kept from the others.
"""

import weakref
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_refcal.losses.adafocal import AdaFocalLoss
from keras_refcal.losses.class_balanced import ClassBalancedLoss
from keras_refcal.losses.correctness_ranking import CorrectnessRankingLoss
from keras_refcal.losses.refcal import RefCalLoss
from keras_refcal.models.refcal_model import RefCalModel
from keras_refcal.ops.labels import as_logits
from keras_refcal.types import Tensor
from keras_refcal.validation import check_are_probabilities


class LossCallback(keras.callbacks.Callback):
    """Finds the losses of one class in the model, and makes their changes count.

    Subclasses define `kind`, a loss class.
    """

    kind = None

    def losses(self) -> Any:
        """Returns the losses of that class.

        Raises:
            ValueError: If the model was compiled without one.
        """
        given = keras.tree.flatten(self.model.loss)
        found = [x for y in given for x in _nested(y) if isinstance(x, self.kind)]
        if not found:
            raise ValueError(
                f"{type(self).__name__} needs a model that is compiled with "
                f"{self.kind.__name__}. Received: loss={self.model.loss!r}"
            )
        return found

    def with_predictions(self, x: Tensor, batch_size: int) -> Any:
        """Yields each of these losses with what it reads: the logits that predict `x`.

        Args:
            x: Inputs, as `predict` takes them.
            batch_size: Integer, samples a step of `predict`.
        """
        predictions = self.model.predict(x, batch_size, verbose=0)
        predictions = ops.convert_to_tensor(predictions, dtype="float32")
        for given in keras.tree.flatten(self.model.loss):
            for loss in _nested(given):
                if isinstance(loss, self.kind):
                    # Terms follow the loss that they are given in.
                    from_logits = _returns_logits(self.model, given)
                    if not from_logits:
                        check_are_probabilities(predictions)
                    yield loss, {"logits": as_logits(predictions, from_logits)}

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Lets the losses hold what they learned in this compile of this model."""
        losses = self.losses()
        # The metric of the loss is new with each compile.
        if any([_switch_state(loss, self.model.metrics[0]) for loss in losses]):
            self.changed(losses)

    def changed(self, losses: Any) -> Any:
        """Compiles the steps of the model anew unless it tracks the variables."""
        tracked = {id(variable) for variable in self.model.variables}
        layers = [layer for loss in losses for layer in loss.state_layers()]
        if not all(id(v) in tracked for layer in layers for v in layer.variables):
            self.model.make_train_function(force=True)
            self.model.make_test_function(force=True)


class UpdateAdaFocal(LossCallback):
    """Adapts the exponents of `AdaFocalLoss` to validation data after each epoch.

    On JAX, models other than `RefCalModel` need Keras 3.12 or later.

    Args:
        x: Validation inputs, as `predict` takes them.
        y: Their labels.
        batch_size: Integer, samples a step of `predict`.

    Example:

    >>> from keras_refcal.callbacks import UpdateAdaFocal
    >>> import numpy as np
    >>> callback = UpdateAdaFocal(np.zeros((4, 8, 8, 1)), np.array([0, 1, 1, 0]))
    """

    kind = AdaFocalLoss

    def __init__(self, x: Tensor, y: Tensor, batch_size: int = 128):
        super().__init__()
        self.x, self.y, self.batch_size = x, y, batch_size

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Predicts the validation data and updates every AdaFocal loss."""
        for loss, outputs in self.with_predictions(self.x, self.batch_size):
            loss.update_gammas(self.y, outputs)
        self.changed(self.losses())


class DeferredReweighting(LossCallback):
    """Starts the class weights of a deferred `ClassBalancedLoss` at an epoch.

    A run that is resumed later than that starts with them; the next `fit` that begins
    at epoch 0 begins without.

    Args:
        epoch: Epochs before the weights count; 160 of 200 is published for LDAM-DRW.

    Example:

    >>> from keras_refcal.callbacks import DeferredReweighting
    >>> callback = DeferredReweighting(epoch=160)
    """

    kind = ClassBalancedLoss

    def __init__(self, epoch: int):
        super().__init__()
        self.epoch = epoch

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Starts the weights when it is time, and takes them back before."""
        active = float(epoch >= self.epoch)
        losses = [
            loss
            for loss in self.losses()
            if loss.deferred and loss.state.get_weights()[0] != active
        ]
        for loss in losses:
            loss.state.active.assign(active)
        if losses:
            self.changed(losses)


class UpdateCorrectnessHistory(LossCallback):
    """Updates the history of `CorrectnessRankingLoss` after each epoch.

    For models other than `RefCalModel`, which updates it in every step: it predicts
    the training data once more. On JAX they need Keras 3.12 or later.

    Args:
        x: Training inputs, as `predict` takes them.
        y: Class id and index of each sample, shape `(samples, 2)`.
        batch_size: Integer, samples a step of `predict`.

    Example:

    >>> import numpy as np
    >>> from keras_refcal.callbacks import UpdateCorrectnessHistory
    >>> y = np.array([[0, 0], [1, 1]])  # label, index
    >>> callback = UpdateCorrectnessHistory(np.zeros((2, 8, 8, 1)), y)
    """

    kind = CorrectnessRankingLoss

    def __init__(self, x: Tensor, y: Tensor, batch_size: int = 128):
        super().__init__()
        self.x, self.y, self.batch_size = x, np.asarray(y), batch_size

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Predicts the training data and counts who is right."""
        for loss, outputs in self.with_predictions(self.x, self.batch_size):
            loss.update_state(self.y, outputs)
        self.changed(self.losses())


class _States:
    """What one loss object holds for each compile of the plain models that share it."""

    def __init__(self, initial):
        self.initial = initial
        self.holder = lambda: None
        self.kept = weakref.WeakKeyDictionary()


_STATES = weakref.WeakKeyDictionary()


def _switch_state(loss, holder):
    """Lets a loss hold the state of `holder`; returns whether that is a change.

    Args:
        loss: A loss of this package.
        holder: Stands for one compile. A new one starts from what the loss held when
            it was first seen here.
    """
    layers = loss.state_layers()
    held = [layer.get_weights() for layer in layers]
    states = _STATES.setdefault(loss, _States(held))
    previous = states.holder()
    if previous is holder:
        return False
    if previous is not None:
        states.kept[previous] = held
    for layer, values in zip(
        layers, states.kept.get(holder, states.initial), strict=True
    ):
        layer.set_weights(values)
    states.holder = weakref.ref(holder)
    return True


def _returns_logits(model, loss):
    if isinstance(model, RefCalModel):  # whose losses read logits in any case
        return model.classifier_activation is None
    return loss.from_logits


def _nested(loss):
    """Yields a loss and those inside of it."""
    yield loss
    if isinstance(loss, RefCalLoss):
        for term in loss.terms.values():
            yield from _nested(term)
    if isinstance(loss, ClassBalancedLoss):
        yield from _nested(loss.inner)
