import keras
import numpy as np
import pytest
from calibration_data import nll

from keras_refcal import RefCalModel
from keras_refcal.callbacks import CalibrateOnValidation
from keras_refcal.layers import VectorScaling


def noisy(samples=300):
    generator = np.random.default_rng(0)
    x = generator.normal(size=(samples, 6)).astype("float32")
    labels = np.argmax(x[:, :3] + generator.normal(size=(samples, 3)), axis=1)
    return x, labels


def overfitted(activation="softmax"):
    layers = [
        keras.Input((6,)),
        keras.layers.Dense(64, activation="relu"),
        keras.layers.Dense(3, activation=activation),
    ]
    return keras.Sequential(layers)


@pytest.mark.parametrize("activation", ["softmax", None])
def test_the_calibrated_model_is_less_sure_and_better(activation):
    x, labels = noisy()
    model = overfitted(activation)
    model.compile(
        keras.optimizers.Adam(0.02),
        keras.losses.SparseCategoricalCrossentropy(from_logits=activation is None),
    )
    calibrator = None if activation else VectorScaling()
    callback = CalibrateOnValidation(x[100:200], labels[100:200], calibrator)
    model.fit(x[:100], labels[:100], epochs=60, callbacks=[callback], verbose=0)
    before = model.predict(x[200:], verbose=0)
    if activation is None:
        before = keras.ops.softmax(before)
    after = callback.calibrated_model.predict(x[200:], verbose=0)
    assert nll(labels[200:], after) < nll(labels[200:], before) - 0.1


def test_logs_the_loss_that_calibration_leaves():
    x, labels = noisy()
    model = overfitted()
    model.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy")
    held_out = x[100:200], labels[100:200]
    callback = CalibrateOnValidation(*held_out, each_epoch=True)
    stop = keras.callbacks.EarlyStopping("val_calibrated_loss", mode="min", patience=9)
    history = model.fit(
        *(x[:100], labels[:100]),
        validation_data=held_out,
        epochs=10,
        callbacks=[callback, stop],
        verbose=0,
    ).history
    left = np.array(history["val_calibrated_loss"])
    plain = np.array(history["val_loss"])
    assert np.all(left <= plain + 1e-4)
    assert left[-1] < plain[-1] - 0.01


def test_works_for_a_refcal_model():
    x, labels = noisy()
    encoder = keras.Sequential([keras.Input((6,)), keras.layers.Dense(8)])
    model = RefCalModel(encoder, 3, projection_dim=4)
    model.compile(keras.optimizers.Adam(0.03), "sparse_categorical_crossentropy")
    callback = CalibrateOnValidation(x[100:], labels[100:])
    model.fit(x[:100], labels[:100], epochs=15, callbacks=[callback], verbose=0)
    assert callback.calibrated_model.predict(x, verbose=0).shape == (300, 3)
    assert not callback.calibrator.from_logits


def test_refuses_what_is_no_calibrator():
    with pytest.raises(ValueError, match="`calibrator` must be a calibrator"):
        CalibrateOnValidation(*noisy(), keras.layers.Softmax())
