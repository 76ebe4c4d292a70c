"""Weights that are loaded after a fit and in the middle of one, as Keras loads them."""

import copy
import pickle

import keras
import numpy as np
import pytest
from models.small_model import CLASSES, check_equal, data, make, moved, weights

from keras_refcal.losses import (
    BalancedContrastiveLoss,
    CorrectnessRankingLoss,
    RefCalLoss,
)

X, Y = data()
PAIRS = np.stack([Y, np.arange(len(Y))], axis=1)


def compiled(model=None):
    """Returns a model whose loss has prototypes and a history."""
    model = model or make()
    loss = RefCalLoss(
        calibration=CorrectnessRankingLoss(len(Y)),
        refinement=BalancedContrastiveLoss(CLASSES, CLASSES),
    )
    keras.utils.set_random_seed(1)
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), loss)
    return model


def fit(model, epochs=1, callbacks=(), **options):
    return model.fit(
        X,
        PAIRS,
        batch_size=6,
        shuffle=False,
        epochs=epochs,
        callbacks=list(callbacks),
        verbose=0,
        **options,
    )


class Watch(keras.callbacks.Callback):
    """Keeps the weights after each epoch."""

    def __init__(self):
        super().__init__()
        self.weights = []

    def on_epoch_end(self, epoch, logs=None):
        """Keeps the weights."""
        self.weights.append(weights(self.model))


class Reload(keras.callbacks.Callback):
    """Saves after the first epoch and loads after the third."""

    def __init__(self, path):
        super().__init__()
        self.path = path

    def on_epoch_end(self, epoch, logs=None):
        """Saves or loads."""
        if epoch == 0:
            self.model.save_weights(self.path)
        if epoch == 2:
            self.model.load_weights(self.path)


@pytest.mark.parametrize("way", ["weights.h5", "keras", "pickle", "deepcopy"])
def test_a_fitted_model_goes_on_from_what_it_saved(way, tmp_path):
    model = compiled()
    fit(model)
    path = tmp_path / f"model.{way}"
    if way == "weights.h5":
        model.save_weights(path)
        other = compiled()
        fit(other)
        other.load_weights(path)
        # The optimizer too is in the file.
    elif way == "keras":
        model.save(path)
        other = keras.saving.load_model(path)
    elif way == "pickle":
        other = pickle.loads(pickle.dumps(model))
    else:
        other = copy.deepcopy(model)
    check_equal(weights(other), weights(model), 0)
    before = weights(model)
    for each in (model, other):
        fit(each)
    check_equal(weights(other), weights(model))
    assert moved(before, model) > 0
    own = [layer.get_weights()[0] for layer in other.loss.state_layers()]
    assert not np.allclose(own[0], 0), "the history is filled"


def test_weights_are_loaded_in_the_middle_of_a_fit(tmp_path):
    watch = Watch()
    model = compiled()
    fit(model, 4, [Reload(tmp_path / "model.weights.h5"), watch])
    first, second, third, fourth = watch.weights
    check_equal(third, first, 0)
    assert any(np.any(a != b) for a, b in zip(first, second, strict=True))
    check_equal(fourth, second)


def test_keras_callbacks_that_load_weights(tmp_path):
    class Stop(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise InterruptedError

    whole = Watch()
    fit(compiled(), 4, [whole])
    # Interrupted, and resumed by another model.
    backup = keras.callbacks.BackupAndRestore(tmp_path / "backup")
    with pytest.raises(InterruptedError):
        fit(compiled(), 4, [backup, Stop()])
    resumed = compiled()
    fit(resumed, 4, [keras.callbacks.BackupAndRestore(tmp_path / "backup")])
    check_equal(weights(resumed), whole.weights[-1])
    # The best is the first epoch, as the figure only grows.
    grows = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: logs.__setitem__("figure", float(epoch))
    )
    best = {"monitor": "figure", "mode": "min"}
    stop = keras.callbacks.EarlyStopping(patience=1, restore_best_weights=True, **best)
    saved = tmp_path / "best.keras"
    model = compiled()
    fit(
        model,
        4,
        [
            grows,
            keras.callbacks.ModelCheckpoint(saved, save_best_only=True, **best),
            stop,
        ],
    )
    check_equal(weights(model), whole.weights[0])
    check_equal(weights(keras.saving.load_model(saved)), whole.weights[0])
