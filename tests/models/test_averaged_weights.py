import keras
import numpy as np
import pytest

from keras_refcal import RefCalModel, losses, models
from keras_refcal.callbacks import AverageWeights

GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal(3.0, 2.0, size=(50, 4)).astype("float32")
Y = (X[:, 0] > 3).astype("int32")


def make(normalizes=True, refcal=False, optimizer="sgd"):
    keras.utils.set_random_seed(0)
    layers = [keras.Input((4,)), keras.layers.Dense(5, name="dense")]
    if normalizes:
        layers.append(keras.layers.BatchNormalization(name="norm"))
    layers.append(keras.layers.Dropout(0.5, seed=1))
    if refcal:
        model = RefCalModel(keras.Sequential(layers), 2, projection_dim=4)
        model.compile(optimizer, losses.CrossEntropyLoss())
        return model
    model = keras.Sequential([*layers, keras.layers.Dense(2, activation="softmax")])
    model.compile(optimizer, "sparse_categorical_crossentropy")
    return model


def inside(model, name):
    return next(x for x in model._flatten_layers() if x.name == name)


def others(model):
    """All but the statistics, seeds among them."""
    return [np.array(v) for v in model.variables if "moving" not in v.path]


def check_statistics(model, x=X):
    """They are those of the whole data for the weights that the model has."""
    kernel, bias = inside(model, "dense").get_weights()
    *_, mean, variance = inside(model, "norm").get_weights()
    batches = np.split(x @ kernel + bias, [32])
    shares = np.array([len(batch) for batch in batches]) / len(x)
    means = shares @ [batch.mean(axis=0) for batch in batches]
    variances = shares @ [batch.var(axis=0) for batch in batches]
    np.testing.assert_allclose(mean, means, atol=1e-4)
    np.testing.assert_allclose(variance, variances, rtol=1e-4)


def fit(model, *callbacks, epochs=4):
    class Snapshots(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            taken.append([np.array(w) for w in self.model.get_weights()])

    taken = []
    callbacks = [Snapshots(), *callbacks]
    model.fit(X, Y, epochs=epochs, batch_size=25, callbacks=callbacks, verbose=0)
    return taken


@pytest.mark.parametrize("refcal", [False, True])
def test_stochastic_is_the_mean_of_epochs_with_statistics_of_its_own(refcal):
    model = make(refcal=refcal)
    taken = fit(model, AverageWeights(X, start=2, batch_size=32))
    names = [w.path for w in model.weights]
    for name, found, *last in zip(names, model.get_weights(), *taken[2:], strict=True):
        if "moving" not in name:
            np.testing.assert_allclose(found, np.mean(last, axis=0), atol=1e-6)
    check_statistics(model)
    # Only for the statistics was it another.
    assert inside(model, "norm").momentum == 0.99


def test_exponential_is_what_the_optimizer_keeps():
    model = make(optimizer=keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5))
    callback = AverageWeights(X, "exponential", batch_size=32)
    model.fit(X, Y, epochs=1, batch_size=10, callbacks=[callback], verbose=0)
    twin = make(optimizer=keras.optimizers.SGD(0.1))
    after_steps = []
    step = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: after_steps.append(weights_now(twin))
    )
    twin.fit(X, Y, epochs=1, batch_size=10, callbacks=[step], verbose=0)
    mean = after_steps[0]
    for now in after_steps[1:]:
        mean = (mean + now) / 2
    np.testing.assert_allclose(inside(model, "dense").get_weights()[0], mean, atol=1e-5)
    check_statistics(model)


def weights_now(model):
    if keras.backend.backend() == "jax":
        model.jax_state_sync()
    return np.array(inside(model, "dense").get_weights()[0])


def test_mean_of_snapshots_is_a_new_model():
    snapshots = [make() for _ in range(3)]
    for shift, model in enumerate(snapshots):
        model.set_weights([w + shift for w in model.get_weights()])
    before = snapshots[0].get_weights()
    mean = models.average_weights(snapshots, X, batch_size=32)
    np.testing.assert_allclose(
        inside(mean, "dense").get_weights()[0],
        inside(snapshots[1], "dense").get_weights()[0],
        atol=1e-6,
    )
    check_statistics(mean)
    for ours, theirs in zip(before, snapshots[0].get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_statistics_of_batches_and_frozen_layers():
    model = make()
    before = others(model)
    models.update_batch_statistics(
        model, [(X[:32], Y[:32]), (X[32:], Y[32:])].__iter__()
    )
    check_statistics(model)
    for ours, theirs in zip(before, others(model), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    inside(model, "norm").trainable = False
    models.update_batch_statistics(model, X * 0)
    check_statistics(model)


def test_refuses():
    with pytest.raises(ValueError, match="`x` must be given"):
        models.average_weights([make()])
    with pytest.raises(ValueError, match="same architecture"):
        models.average_weights([make(), make(normalizes=False)], X)
    with pytest.raises(ValueError, match="`x` must be given"):
        fit(make(), AverageWeights())
    with pytest.raises(ValueError, match="use_ema=True"):
        fit(make(), AverageWeights(X, "exponential"))
    with pytest.raises(ValueError, match="`kind` must be"):
        AverageWeights(kind="plain")
