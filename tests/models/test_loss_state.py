"""Losses that keep something between batches, inside a `RefCalModel`."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_refcal import RefCalModel
from keras_refcal.losses import BalancedContrastiveLoss, RefCalLoss


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
    assert any(v is loss.prototypes.directions for v in model.trainable_variables)
    history = model.fit(images, labels, epochs=4, batch_size=8, verbose=0).history
    after = to_numpy(loss.prototypes.directions)
    assert not np.allclose(before, after)
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
        before = to_numpy(loss.prototypes.directions)
        model.train_on_batch(images, labels)
        moves.append(to_numpy(loss.prototypes.directions) - before)
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
