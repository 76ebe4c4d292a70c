"""Losses that keep something between batches, inside a `RefCalModel`."""

import keras
import numpy as np
import pytest
from keras import ops
from keras_version import KERAS

from keras_refcal import RefCalModel
from keras_refcal.backend import NAME
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


def batch(samples=24):
    generator = np.random.default_rng(0)
    return generator.random((samples, 8, 8, 1), "float32"), np.arange(samples) % 4


def make():
    encoder = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Flatten(),
            keras.layers.Dense(8, activation="relu"),
        ]
    )
    return RefCalModel(encoder, num_classes=4, projection_dim=8)


def to_numpy(x):
    return np.array(ops.convert_to_numpy(x))


def test_prototypes_are_trained_and_saved_with_the_model(tmp_path):
    model, loss = make(), BalancedContrastiveLoss(num_classes=4, embedding_dim=8)
    images, labels = batch()
    before = to_numpy(loss.prototypes.directions)
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), loss)
    own = model.loss.prototypes.directions
    np.testing.assert_array_equal(to_numpy(own), before)
    assert any(v is own for v in model.trainable_variables)
    history = model.fit(images, labels, epochs=4, batch_size=8, verbose=0).history
    after = to_numpy(own)
    assert not np.allclose(before, after)
    np.testing.assert_array_equal(to_numpy(loss.prototypes.directions), before)
    assert history["refinement_loss"][-1] < history["refinement_loss"][0]

    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(to_numpy(loaded.loss.prototypes.directions), after)
    assert loaded.evaluate(images, labels, verbose=0) == pytest.approx(
        model.evaluate(images, labels, verbose=0), rel=1e-5
    )
    loaded.fit(images, labels, batch_size=8, verbose=0)
    assert not np.allclose(to_numpy(loaded.loss.prototypes.directions), after)


def test_gradients_of_a_loss_variable_do_not_pile_up():
    """One step from the same start moves the prototypes alike after other steps."""
    images, labels = batch(8)
    moves = []
    for steps in (1, 3):
        keras.utils.set_random_seed(0)
        model, loss = make(), BalancedContrastiveLoss(num_classes=4, embedding_dim=8)
        model.compile(keras.optimizers.SGD(0.0), loss)
        for _ in range(steps - 1):
            model.train_on_batch(images, labels)
        model.optimizer.learning_rate = 0.1
        own = model.loss.prototypes.directions
        before = to_numpy(own)
        model.train_on_batch(images, labels)
        moves.append(to_numpy(own) - before)
    assert np.any(moves[0])
    np.testing.assert_allclose(moves[0], moves[1], rtol=1e-2, atol=1e-5)


def test_another_stage_leaves_the_prototypes_behind():
    model, loss = make(), BalancedContrastiveLoss(num_classes=4, embedding_dim=8)
    images, labels = batch()
    model.compile("sgd", RefCalLoss(None, None, loss))
    with_prototypes = len(model.variables)
    model.fit(images, labels, verbose=0)
    model.compile("sgd", RefCalLoss(refinement=None))
    assert len(model.variables) == with_prototypes - 1
    model.fit(images, labels, verbose=0)


def with_index(labels):
    return np.stack([labels, np.arange(len(labels))], axis=1)


def ranking_model(samples):
    model, crl = make(), CorrectnessRankingLoss(samples)
    loss = RefCalLoss("cross_entropy", crl, "supervised_contrastive", 1.0)
    model.compile(keras.optimizers.SGD(0.1), loss, metrics=["accuracy"])
    return model, model.loss.calibration


def test_correctness_history_is_updated_in_fit_and_not_in_evaluate():
    model, crl = ranking_model(24)
    images, labels = batch()
    before = model.evaluate(images, with_index(labels), verbose=0, return_dict=True)
    assert before["calibration_loss"] == 0
    logs = model.fit(
        images,
        with_index(labels),
        validation_data=(images, labels),
        batch_size=8,
        epochs=3,
        verbose=0,
    ).history
    assert to_numpy(crl.history.seen).tolist() == [3] * 24
    correct = to_numpy(crl.history.correct)
    assert correct.sum() == pytest.approx(24 * sum(logs["accuracy"]), rel=1e-5)
    assert logs["val_calibration_loss"] == [0, 0, 0]
    assert logs["calibration_loss"][-1] > 0


def test_correctness_history_counts_the_views():
    model, crl = ranking_model(24)
    images, labels = batch()
    views = np.stack([images, images[:, ::-1]], axis=1)
    model.fit(views, with_index(labels), batch_size=8, epochs=2, verbose=0)
    assert to_numpy(crl.history.seen).tolist() == [4] * 24


def test_correctness_history_survives_saving_and_resuming(tmp_path):
    images, labels = batch()
    model, _ = ranking_model(24)
    fit = {"batch_size": 8, "shuffle": False, "verbose": 0}
    model.fit(images, with_index(labels), epochs=3, **fit)
    model.save(tmp_path / "model.keras")
    model.save_weights(tmp_path / "model.weights.h5")
    whole = model.fit(images, with_index(labels), epochs=2, **fit).history

    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert to_numpy(loaded.loss.calibration.history.seen).tolist() == [3] * 24
    other, crl = ranking_model(24)
    other.optimizer.build(other.trainable_variables)
    other.load_weights(tmp_path / "model.weights.h5")
    assert to_numpy(crl.history.seen).tolist() == [3] * 24
    for resumed in (loaded, other):
        again = resumed.fit(images, with_index(labels), epochs=2, **fit).history
        assert again["calibration_loss"] == pytest.approx(
            whole["calibration_loss"], rel=1e-3
        )


def plain_model(loss):
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Flatten(),
            keras.layers.Dense(4, activation="softmax"),
        ]
    )
    model.compile(keras.optimizers.SGD(0.0), loss)
    return model


def refcal_model(loss):
    model = make()
    model.compile(keras.optimizers.SGD(0.0), loss)
    return model


both_models = pytest.mark.parametrize("compiled", [plain_model, refcal_model])
predicts_while_it_trains = pytest.mark.skipif(
    NAME == "jax" and KERAS < (3, 12),
    reason="on JAX, Keras before 3.12 compiles no step anew after `predict`",
)


@pytest.mark.parametrize(
    "compiled",
    [pytest.param(plain_model, marks=predicts_while_it_trains), refcal_model],
)
def test_adafocal_learns_from_validation_data(compiled):
    loss = AdaFocalLoss(num_bins=4)
    model, (images, labels) = compiled(loss), batch()
    callback = UpdateAdaFocal(images, labels)
    logs = model.fit(images, labels, epochs=2, callbacks=[callback], verbose=0).history
    assert np.any(to_numpy(model.loss.bins.gammas) != 1)
    # The weights stand still, so what changed is the loss itself.
    assert abs(logs["loss"][1] - logs["loss"][0]) > 1e-4


@both_models
def test_deferred_weights_start_at_their_epoch(compiled):
    loss = ClassBalancedLoss([1000, 100, 10, 1], deferred=True)
    model, (images, labels) = compiled(loss), batch()
    labels[1::4] = 0
    logs = model.fit(
        images, labels, epochs=4, callbacks=[DeferredReweighting(2)], verbose=0
    ).history
    first, second, third, fourth = logs["loss"]
    assert first == pytest.approx(second, rel=1e-4)
    assert third == pytest.approx(fourth, rel=1e-4)
    assert abs(third - second) > 1e-3


@predicts_while_it_trains
def test_a_plain_model_updates_the_history_by_callback():
    loss = CorrectnessRankingLoss(24)
    model, (images, labels) = plain_model(loss), batch()
    y_true = with_index(labels)
    callback = UpdateCorrectnessHistory(images, y_true)
    logs = model.fit(images, y_true, epochs=3, callbacks=[callback], verbose=0).history
    assert to_numpy(loss.history.seen).tolist() == [3] * 24
    assert logs["loss"][0] == 0 < logs["loss"][1]


def test_callbacks_say_what_they_need():
    images, labels = batch()
    model = plain_model("sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match="compiled with AdaFocalLoss"):
        model.fit(images, labels, callbacks=[UpdateAdaFocal(images, labels)], verbose=0)


@pytest.mark.parametrize("returns_logits", [False, True])
def test_callbacks_read_logits_and_probabilities_as_what_they_are(returns_logits):
    """In a plain model as its loss says, in a `RefCalModel` as the model knows."""
    logits = 4 * np.random.default_rng(0).normal(size=(24, 4)).astype("float32")
    labels = np.arange(24) % 4
    activation = None if returns_logits else "softmax"
    inputs = keras.Input((4,))
    plain = keras.Model(inputs, keras.layers.Activation(activation)(inputs))
    loss = RefCalLoss("adafocal", None, None, from_logits=returns_logits)
    plain.compile(loss=loss)
    encoder = keras.Sequential([inputs, keras.layers.Activation("linear")])
    ours = RefCalModel(encoder, 4, classifier_activation=activation)
    ours.classifier.set_weights([np.eye(4), np.zeros(4)])
    ours.compile(loss=AdaFocalLoss(from_logits=not returns_logits))
    expected = AdaFocalLoss()
    expected.update_gammas(labels, {"logits": ops.convert_to_tensor(logits)})
    for model, learned in (
        (plain, loss.terms["classification"]),
        (ours, ours.loss),
    ):
        callback = UpdateAdaFocal(logits, labels)
        callback.set_model(model)
        callback.on_epoch_end(0)
        np.testing.assert_allclose(
            to_numpy(learned.bins.gammas), to_numpy(expected.bins.gammas), rtol=1e-4
        )
