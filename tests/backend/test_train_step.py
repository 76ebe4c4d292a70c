"""The custom step equals Keras' own: same weights and logs after three steps."""

import keras
import numpy as np
import pytest

from keras_refcal import RefCalModel
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
