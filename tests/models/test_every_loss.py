"""Every exported loss in a compiled model: trained, saved and loaded again."""

import json

import keras
import new_process
import numpy as np
import pytest
from exported_losses import CLASSES, EXPORTED, SAMPLES, draw, make, y_true

from keras_refcal import RefCalModel
from keras_refcal.losses import registry

every_loss = pytest.mark.parametrize("name", EXPORTED)


def data(loss):
    labels, _ = draw()
    inputs = np.random.default_rng(0).normal(size=(SAMPLES, 6)).astype("float32")
    return inputs, y_true(loss, labels)


def refcal_model(loss):
    encoder = keras.Sequential(
        [keras.Input((6,)), keras.layers.Dense(8, activation="relu")]
    )
    model = RefCalModel(encoder, CLASSES, projection_dim=CLASSES)
    model.compile(keras.optimizers.SGD(0.01), loss)
    return model


@pytest.fixture
def mixed_precision():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    yield
    keras.config.set_dtype_policy(before)


@every_loss
def test_trains_in_a_refcal_model_and_is_saved_with_it(name, mixed_precision, tmp_path):
    loss = make(name)
    inputs, labels = data(loss)
    by_name = not registry.required_arguments(EXPORTED[name])
    model = refcal_model(loss.name if by_name else loss)
    logs = model.fit(inputs, labels, batch_size=SAMPLES // 2, verbose=0).history
    assert f"{loss.term}_loss" in logs
    assert all(np.isfinite(values).all() for values in logs.values())
    assert all(np.isfinite(w).all() for w in model.get_weights())
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.evaluate(inputs, labels, verbose=0) == pytest.approx(
        model.evaluate(inputs, labels, verbose=0), rel=1e-4
    )


@every_loss
def test_trains_in_a_plain_model(name):
    loss = make(name)
    inputs, labels = data(loss)
    model = keras.Sequential(
        [keras.Input((6,)), keras.layers.Dense(CLASSES, activation="softmax")]
    )
    model.compile(keras.optimizers.SGD(0.01), loss)
    before = model.get_weights()
    value = model.train_on_batch(inputs, labels)
    assert np.isfinite(value)
    assert all(np.isfinite(w).all() for w in model.get_weights())
    if name != "SimCLRLoss":  # 0 with one view
        assert not np.array_equal(before[0], model.get_weights()[0])


LOAD = """
import json, sys, keras, keras_refcal
for name, config in json.load(open(sys.argv[1])).items():
    loss = keras.losses.deserialize(config)
    assert type(loss).__name__ == name, (type(loss), name)
    assert json.loads(json.dumps(keras.losses.serialize(loss))) == config, name
print("loaded all")
"""


def test_configurations_load_in_a_new_process(tmp_path):
    configs = {name: keras.losses.serialize(make(name)) for name in EXPORTED}
    (tmp_path / "losses.json").write_text(json.dumps(configs))
    done = new_process.run(LOAD, tmp_path / "losses.json")
    assert done.returncode == 0, done.stderr
    assert "loaded all" in done.stdout
