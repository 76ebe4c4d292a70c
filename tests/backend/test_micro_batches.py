"""A step in micro-batches equals the plain step: same weights, same logs."""

import keras
import numpy as np
import pytest
from keras_version import KERAS

from keras_refcal import RefCalModel
from keras_refcal.losses import BalancedContrastiveLoss, RefCalLoss

# Keras before 3.14 adds this one up over a batch, where all else is a mean: a batch and
# its parts then regularise differently.
ACTIVITY_REGULARIZER = "l2" if KERAS >= (3, 14) else None


def make(micro_batch_size, policy="float32", normalization=None):
    encoder = keras.Sequential(
        [
            keras.Input((6, 6, 1)),
            keras.layers.Conv2D(
                4,
                3,
                kernel_regularizer="l2",
                activity_regularizer=ACTIVITY_REGULARIZER,
                dtype=policy,
            ),
            normalization or keras.layers.LayerNormalization(dtype=policy),
            keras.layers.GlobalAveragePooling2D(dtype=policy),
        ]
    )
    return RefCalModel(
        encoder, 3, projection_dim=4, micro_batch_size=micro_batch_size, dtype=policy
    )


def fit(model, views=2, size=22, batch_size=8, loss=None, weighted=False):
    generator = np.random.default_rng(0)
    images = generator.random((size, views, 6, 6, 1), "float32")
    labels = generator.integers(0, 3, size)
    optimizer = keras.optimizers.SGD(0.1, momentum=0.9)
    if model.dtype_policy.name == "mixed_float16":
        # Small enough that no step overflows and is left out.
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer, initial_scale=64)
    model.compile(
        optimizer,
        loss or RefCalLoss(),
        metrics=["accuracy"],
    )
    return model.fit(
        images,
        labels,
        sample_weight=generator.random(size) if weighted else None,
        batch_size=batch_size,
        epochs=2,
        shuffle=False,
        verbose=0,
    ).history


@pytest.mark.parametrize(
    ("micro_batch_size", "policy", "size", "weighted"),
    [
        (3, "float32", 22, True),
        (4, "float32", 22, False),
        (3, "mixed_float16", 8, False),
    ],
)
def test_equals_the_plain_step(micro_batch_size, policy, size, weighted):
    plain, split = make(None, policy), make(micro_batch_size, policy)
    split.set_weights(plain.get_weights())
    start = plain.get_weights()
    histories = [fit(model, size=size, weighted=weighted) for model in (plain, split)]
    # Half precision rounds each sum over the batch to three digits, two steps long;
    # a loss scale that is missing or doubled would be off by far more.
    close = {"rtol": 1e-5, "atol": 1e-5} if policy == "float32" else {"atol": 4e-3}
    for a, b in zip(plain.get_weights(), split.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, **close)
    assert not np.allclose(start[0], plain.get_weights()[0], atol=1e-2)
    for name, values in histories[0].items():
        np.testing.assert_allclose(
            histories[1][name], values, rtol=1e-5 + close["atol"]
        )


def test_reaches_the_weights_of_the_loss():
    loss = RefCalLoss(refinement=BalancedContrastiveLoss(3, 4))
    plain, split = make(None), make(3)
    split.set_weights(plain.get_weights())
    start = loss.refinement.prototypes.get_weights()[0]
    for model in (plain, split):
        fit(model, loss=loss)
    first, second = (
        m.loss.refinement.prototypes.get_weights()[0] for m in (plain, split)
    )
    np.testing.assert_allclose(first, second, atol=1e-5)
    assert not np.allclose(start, first, atol=1e-3)


def test_moving_statistics_take_a_step_for_each_micro_batch():
    model = make(3, normalization=keras.layers.BatchNormalization(momentum=0.5))
    twin = keras.models.clone_model(model.encoder)
    twin.set_weights(model.encoder.get_weights())
    images = np.random.default_rng(0).random((8, 6, 6, 1), "float32")
    model.compile(keras.optimizers.SGD(0.0), RefCalLoss(refinement=None))
    model.train_on_batch(images, np.arange(8) % 3)
    for part in (images[:3], images[3:6], images[6:]):
        twin(part, training=True)
    for a, b in zip(model.encoder.get_weights(), twin.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_both_passes_draw_the_same_dropout():
    model = make(4, normalization=keras.layers.Dropout(0.5, seed=1))
    images = np.random.default_rng(0).random((8, 6, 6, 1), "float32")
    labels = np.arange(8) % 3
    model.compile(keras.optimizers.SGD(1.0), RefCalLoss(None, None))
    kernel = model.encoder.weights[0]
    seed = next(v for v in model.encoder.variables if "seed" in v.path)
    before = model.get_weights()
    state = keras.ops.convert_to_numpy(seed.value)

    def loss_at(shift):
        model.set_weights(before)
        seed.assign(state)
        model.reset_metrics()
        kernel.assign(before[0] + shift)
        return float(model.train_on_batch(images, labels, return_dict=True)["loss"])

    loss_at(0 * before[0])
    step = keras.ops.convert_to_numpy(kernel.value) - before[0]
    scale = 1e-3 / np.linalg.norm(step)
    slope = (loss_at(scale * step) - loss_at(-scale * step)) / (2 * scale)
    assert slope == pytest.approx(-np.sum(step**2), rel=0.02)


def test_config_round_trip():
    config = keras.saving.serialize_keras_object(make(5))
    assert keras.saving.deserialize_keras_object(config).micro_batch_size == 5
    with pytest.raises(ValueError, match="`micro_batch_size` must be an integer >= 1"):
        make(0)
