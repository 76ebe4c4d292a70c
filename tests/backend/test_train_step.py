"""The custom step equals Keras' own: same weights and logs after three steps."""

import keras
import numpy as np
import pytest
from models.small_model import data
from models.small_model import make as small

from keras_refcal import RefCalModel
from keras_refcal.backend import NAME
from keras_refcal.losses import RefCalLoss
from keras_refcal.training.optimizers import SGDWithL2


class KerasStep(RefCalModel):
    """The same model on the training step of Keras."""

    train_step = keras.Model.train_step
    test_step = keras.Model.test_step

    def call(self, inputs, training=None, return_outputs=True):
        return super().call(inputs, training, return_outputs)


def make(cls, policy):
    encoder = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(4, 3, kernel_regularizer="l2", dtype=policy),
            keras.layers.BatchNormalization(dtype=policy),
            keras.layers.GlobalAveragePooling2D(dtype=policy),
        ]
    )
    return cls(encoder, num_classes=3, projection_dim=4, dtype=policy)


@pytest.mark.parametrize(
    ("policy", "weighted"), [("float32", True), ("mixed_float16", False)]
)
def test_equals_the_step_of_keras(policy, weighted):
    generator = np.random.default_rng(0)
    images = generator.random((22, 2, 8, 8, 1), "float32")
    labels = generator.integers(0, 3, 22)
    arguments = {"sample_weight": generator.random(22)} if weighted else {}
    ours, theirs = make(RefCalModel, policy), make(KerasStep, policy)
    theirs.set_weights(ours.get_weights())
    logs = []
    for model in (ours, theirs):
        model.compile(
            SGDWithL2(0.1, momentum=0.9, l2=1e-4),
            RefCalLoss(),
            metrics=["accuracy"],
            weighted_metrics=["accuracy"],
        )
        fitted = model.fit(
            images, labels, batch_size=8, shuffle=False, verbose=0, **arguments
        )
        judged = model.evaluate(
            images, labels, batch_size=8, verbose=0, return_dict=True, **arguments
        )
        logs.append({**{k: v[0] for k, v in fitted.history.items()}, "judged": judged})
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7)
    judged = [log.pop("judged") for log in logs]
    assert logs[0] == pytest.approx(logs[1], rel=1e-6)
    assert judged[0] == pytest.approx(judged[1], rel=1e-6)


def test_a_scaled_loss_has_the_gradient_of_the_loss():
    model, (x, y) = small(dtype="mixed_float16"), data()
    optimizer = keras.optimizers.SGD(1.0)
    model.compile(
        keras.optimizers.LossScaleOptimizer(optimizer, initial_scale=1024),
        RefCalLoss(calibration=None),
    )
    _, bias = model.classifier.get_weights()
    p = keras.ops.convert_to_numpy(model(x))
    model.train_on_batch(x, y)
    step = model.classifier.get_weights()[1] - bias
    np.testing.assert_allclose(step, -np.mean(p - np.eye(4)[y], axis=0), rtol=0.01)


class Counting(RefCalModel):
    """Counts how often it is called, by a trace or a step."""

    calls = 0

    def call(self, *args, **kwargs):
        """See `RefCalModel`."""
        Counting.calls += 1
        return super().call(*args, **kwargs)


def test_a_step_on_a_batch_traces_nothing_again():
    x, y = data()
    model = Counting(small().encoder, 4, projection_dim=4)
    model.compile("sgd", RefCalLoss())
    model.train_on_batch(x, y)
    model.test_on_batch(x, y)
    Counting.calls = 0
    for _ in range(3):
        model.train_on_batch(x, y)
        model.test_on_batch(x, y)
    assert Counting.calls == (6 if NAME == "torch" else 0)


@pytest.mark.skipif(NAME != "tensorflow", reason="a strategy of TensorFlow")
def test_a_strategy_builds_what_keras_builds_before_the_first_step(monkeypatch):
    import tensorflow as tf

    seen = []
    build = RefCalModel._symbolic_build

    def watched(self, data_batch):
        seen.append([tuple(part.shape) for part in data_batch[:2]])
        build(self, data_batch=data_batch)

    monkeypatch.setattr(RefCalModel, "_symbolic_build", watched)
    with tf.distribute.OneDeviceStrategy("/cpu:0").scope():
        model = small()
        model.compile("sgd", RefCalLoss(), metrics=["accuracy"])
    x, y = data()
    model.fit(x, y, batch_size=6, verbose=0)
    assert seen == [[(6, 6), (6,)]]
    assert model.optimizer.built
