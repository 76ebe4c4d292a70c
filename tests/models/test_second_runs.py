"""Losses, stages and callbacks are settings: what is learned belongs to one compile."""

import dataclasses

import keras
import numpy as np
import pytest
from models.small_model import CLASSES, check_equal, data, make, moved, weights

from keras_refcal import recipes
from keras_refcal.callbacks import (
    DeferredReweighting,
    UpdateAdaFocal,
    UpdateCorrectnessHistory,
)
from keras_refcal.losses import (
    AdaFocalLoss,
    BalancedContrastiveLoss,
    ClassBalancedLoss,
    CorrectnessRankingLoss,
    RefCalLoss,
)
from keras_refcal.training.recipes.both_stages import fit_stages

COUNTS = [40, 20, 10, 5]
X, Y = data()
PAIRS = np.stack([Y, np.arange(len(Y))], axis=1)


def plain_model():
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [keras.Input((6,)), keras.layers.Dense(CLASSES, activation="softmax")]
    )


def prototypes():
    return RefCalLoss(refinement=BalancedContrastiveLoss(CLASSES, CLASSES))


def ranking():
    return RefCalLoss(calibration=CorrectnessRankingLoss(len(Y)))


def adafocal():
    return RefCalLoss(AdaFocalLoss(num_bins=4), calibration=None)


def deferred():
    inner = AdaFocalLoss(num_bins=4)
    return RefCalLoss(ClassBalancedLoss(COUNTS, inner, deferred=True))


def run(model, loss, callbacks, y=Y, epochs=3):
    """Returns the weights after a compile and a fit."""
    model.compile(keras.optimizers.SGD(0.1), loss)
    model.fit(
        X, y, epochs=epochs, shuffle=False, batch_size=6, callbacks=callbacks, verbose=0
    )
    return weights(model)


@pytest.mark.parametrize(
    ("loss", "callbacks", "y"),
    [
        (prototypes, [], Y),
        (ranking, [], PAIRS),
        (adafocal, [UpdateAdaFocal(X, Y)], Y),
        (deferred, [DeferredReweighting(1), UpdateAdaFocal(X, Y)], Y),
    ],
    ids=["prototypes", "ranking", "adafocal", "deferred"],
)
def test_a_loss_starts_afresh_in_each_compile(loss, callbacks, y):
    loss = loss()
    given = [weights(layer) for layer in loss.state_layers()]
    first = run(make(), loss, callbacks, y)
    model = make()
    run(model, loss, callbacks, y)
    for part in ("encoder", "projection", "classifier"):
        getattr(model, part).set_weights(getattr(make(), part).get_weights())
    check_equal(run(model, loss, callbacks, y), first)
    pairs = zip(given, model.loss.state_layers(), strict=True)
    assert any(moved(old, layer) for old, layer in pairs)
    for old, layer in zip(given, loss.state_layers(), strict=True):
        check_equal(weights(layer), old, 0)


def test_a_loss_that_cannot_be_copied_is_named():
    class Counting(AdaFocalLoss):
        def __init__(self, counts):
            super().__init__()

    with pytest.raises(ValueError, match="Counting must keep its argument `counts`"):
        make().compile("sgd", Counting([1, 2]))


@pytest.mark.parametrize(
    ("loss", "callback", "y"),
    [
        (AdaFocalLoss(num_bins=4), UpdateAdaFocal(X, Y), Y),
        (ClassBalancedLoss(COUNTS, deferred=True), DeferredReweighting(1), Y),
        (CorrectnessRankingLoss(len(Y)), UpdateCorrectnessHistory(X, PAIRS), PAIRS),
    ],
    ids=["adafocal", "deferred", "ranking"],
)
def test_plain_models_may_share_a_loss(loss, callback, y):
    """One fit of two epochs, and two of one, with another model's in between."""
    one, other = plain_model(), plain_model()
    whole = run(one, loss, [callback], y, epochs=4)
    run(other, loss, [callback], y, epochs=2)
    one.set_weights(plain_model().get_weights())
    run(one, loss, [callback], y, epochs=1)
    options = {"shuffle": False, "batch_size": 6, "verbose": 0}
    other.fit(X, y, initial_epoch=2, epochs=4, callbacks=[callback], **options)
    check_equal(weights(other), whole)


def active_epochs(model):
    """Returns a callback, and a list that it fills with the switch of each epoch."""
    seen = []
    return seen, keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append(
            float(model.loss.classification.state.get_weights()[0])
        )
    )


def test_deferred_weights_start_again_with_each_fit():
    model, callback = make(), DeferredReweighting(2)
    model.compile("sgd", deferred())
    for first, expected in ((0, [0, 0, 1]), (0, [0, 0, 1]), (2, [1])):
        seen, watch = active_epochs(model)
        model.fit(
            X, Y, initial_epoch=first, epochs=3, callbacks=[callback, watch], verbose=0
        )
        assert seen == expected


def stages_of(name):
    scale = recipes.small(epochs=2, classifier_epochs=1, batch_size=6)
    return tuple(
        dataclasses.replace(stage, epochs=3)
        for stage in recipes.get(name, scale, [6, 4, 1, 1])
    )


@pytest.mark.parametrize("name", ["crl", "ldam_drw"])
def test_stages_serve_many_models(name):
    stages = stages_of(name)
    trained = []
    for _ in range(2):
        model = make()
        fit_stages(model, stages, X, Y, shuffle=False, verbose=0)
        trained.append(weights(model))
    check_equal(*trained)


def test_fit_stages_brings_the_callbacks_of_a_stage():
    model = make()
    (stage,) = stages_of("ldam_drw")
    stage = dataclasses.replace(stage, callbacks=(DeferredReweighting(1),))
    seen, watch = active_epochs(model)
    fit_stages(model, (stage,), X, Y, callbacks=[watch], verbose=0)
    assert seen == [0, 1, 1]


@pytest.mark.parametrize("reloaded", [False, True])
def test_two_stages_twice_train_twice(reloaded, tmp_path):
    model = make()
    model.projection.hidden.trainable = False
    for _ in range(2):
        encoder, hidden = weights(model.encoder), weights(model.projection.hidden)
        recipes.two_stage(model, X, Y, epochs=1, classifier_epochs=1, verbose=0)
        assert moved(encoder, model.encoder) > 0
        assert moved(hidden, model.projection.hidden) == 0
        if reloaded:
            model.save(tmp_path / "model.keras")
            model = keras.saving.load_model(tmp_path / "model.keras")


def test_two_stages_never_wake_the_users_encoder():
    model = make()
    model.encoder.get_layer("first").trainable = False
    before = weights(model.encoder.get_layer("first"))
    second = weights(model.encoder.get_layer("second"))
    for _ in range(2):
        recipes.two_stage(model, X, Y, epochs=1, classifier_epochs=1, verbose=0)
    assert moved(before, model.encoder.get_layer("first")) == 0
    assert moved(second, model.encoder.get_layer("second")) > 0
    model.freeze_encoder()
    before = weights(model.encoder)
    recipes.two_stage(model, X, Y, epochs=1, classifier_epochs=1, verbose=0)
    assert moved(before, model.encoder) == 0
