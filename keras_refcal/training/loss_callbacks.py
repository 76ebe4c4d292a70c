"""Callbacks for losses that change during training.

Each finds its losses in the compiled model. What they change are variables that a
`RefCalModel` tracks; any other model is compiled anew after a change, since on JAX a
compiled step has untracked variables as constants.
"""

import keras
import numpy as np

from keras_refcal.losses.adafocal import AdaFocalLoss
from keras_refcal.losses.class_balanced import ClassBalancedLoss
from keras_refcal.losses.correctness_ranking import CorrectnessRankingLoss
from keras_refcal.losses.refcal import RefCalLoss


class LossCallback(keras.callbacks.Callback):
    """Finds the losses of one class in the model, and makes their changes count.

    Subclasses define `kind`, a loss class.
    """

    kind = None

    def losses(self):
        """Returns the losses of that class.

        Raises:
            ValueError: If the model was compiled without one.
        """
        found = [x for x in _nested(self.model.loss) if isinstance(x, self.kind)]
        if not found:
            raise ValueError(
                f"{type(self).__name__} needs a model that is compiled with "
                f"{self.kind.__name__}. Received: loss={self.model.loss!r}"
            )
        return found

    def changed(self, losses):
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

    >>> from keras_refcal.training.loss_callbacks import UpdateAdaFocal
    >>> import numpy as np
    >>> callback = UpdateAdaFocal(np.zeros((4, 8, 8, 1)), np.array([0, 1, 1, 0]))
    """

    kind = AdaFocalLoss

    def __init__(self, x, y, batch_size=128):
        super().__init__()
        self.x, self.y, self.batch_size = x, y, batch_size

    def on_epoch_end(self, epoch, logs=None):
        """Predicts the validation data and updates every AdaFocal loss."""
        predictions = self.model.predict(self.x, self.batch_size, verbose=0)
        losses = self.losses()
        for loss in losses:
            loss.update_gammas(self.y, predictions)
        self.changed(losses)


class DeferredReweighting(LossCallback):
    """Starts the class weights of a deferred `ClassBalancedLoss` at an epoch.

    A run that is resumed later than that starts with them.

    Args:
        epoch: Epochs before the weights count; 160 of 200 is published for LDAM-DRW.

    Example:

    >>> from keras_refcal.training.loss_callbacks import DeferredReweighting
    >>> callback = DeferredReweighting(epoch=160)
    """

    kind = ClassBalancedLoss

    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch
        self.started = False

    def on_epoch_begin(self, epoch, logs=None):
        """Starts the weights when it is time."""
        if epoch >= self.epoch and not self.started:
            losses = self.losses()
            for loss in losses:
                loss.start()
            self.changed(losses)
            self.started = True


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
    >>> from keras_refcal.training.loss_callbacks import UpdateCorrectnessHistory
    >>> y = np.array([[0, 0], [1, 1]])  # label, index
    >>> callback = UpdateCorrectnessHistory(np.zeros((2, 8, 8, 1)), y)
    """

    kind = CorrectnessRankingLoss

    def __init__(self, x, y, batch_size=128):
        super().__init__()
        self.x, self.y, self.batch_size = x, np.asarray(y), batch_size

    def on_epoch_end(self, epoch, logs=None):
        """Predicts the training data and counts who is right."""
        predictions = self.model.predict(self.x, self.batch_size, verbose=0)
        losses = self.losses()
        for loss in losses:
            loss.update_state(self.y, predictions)
        self.changed(losses)


def _nested(loss):
    """Yields a loss and those inside of it."""
    yield loss
    if isinstance(loss, RefCalLoss):
        for term in loss.terms.values():
            yield from _nested(term)
    if isinstance(loss, ClassBalancedLoss):
        yield from _nested(loss.inner)
