import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.stats import beta, kstest

from keras_refcal.data import augment


@pytest.fixture
def batch():
    generator = np.random.default_rng(0)
    images = generator.uniform(size=(16, 12, 12, 3)).astype("float32")
    return images, np.eye(4, dtype="float32")[np.arange(16) % 4]


@pytest.mark.parametrize(
    "layer",
    [
        lambda: keras.layers.RandomErasing(factor=1.0, value_range=(0, 1)),
        lambda: keras.layers.RandomFlip("horizontal"),
        lambda: keras.layers.RandomRotation(0.1),
        lambda: keras.layers.RandomGaussianBlur(factor=1.0, value_range=(0, 1)),
    ],
)
def test_a_layer_draws_from_the_seed_it_is_given(layer, batch):
    function = augment.from_layer(layer())
    first, again, other = (function(batch[0], (0, s)).numpy() for s in (1, 1, 2))
    assert first.tobytes() == again.tobytes()
    assert np.any(first != other)
    mapped = tf.data.Dataset.range(3).map(lambda step: function(batch[0], (0, step)))
    np.testing.assert_allclose(list(mapped)[1], first, atol=1e-5)


def test_the_layer_is_left_on_its_backend(batch):
    layer = keras.layers.RandomFlip("horizontal")
    augment.from_layer(layer)(batch[0], (0, 1))
    assert isinstance(layer(batch[0]), type(keras.ops.ones(1)))


def test_refuses_layers_that_ignore_the_seed():
    for layer in (keras.layers.RandAugment(), keras.layers.Dense(2), len):
        with pytest.raises(ValueError, match="`layer` must be a Keras image layer"):
            augment.from_layer(layer)


def test_mix_up_blends_images_as_labels(batch):
    labels = batch[1]
    marked = np.broadcast_to(labels[:, None, None], (16, 12, 12, 4))
    mixed, soft = augment.mix_up(marked, labels, (0, 1), alpha=1.0)
    np.testing.assert_allclose(mixed.numpy().mean(axis=(1, 2)), soft, atol=1e-5)
    np.testing.assert_allclose(soft.numpy().sum(axis=1), 1, atol=1e-5)
    assert np.mean((soft.numpy() > 0.05).sum(axis=1) == 2) > 0.3
    again = augment.mix_up(marked, labels, (0, 1), alpha=1.0)
    np.testing.assert_array_equal(again[1], soft)


@pytest.mark.parametrize("alpha", [0.2, 1.0, 10.0])
def test_shares_of_mix_up_are_beta(alpha):
    labels = np.eye(2)[np.arange(20_000) % 2]
    images = np.zeros((20_000, 1), "float32")
    soft = augment.mix_up(images, labels, (0, 1), alpha)[1].numpy()
    # Half of the pairs are of one label; of the others half come the other way round.
    shares = soft[np.min(soft, axis=1) > 0][:, 0]
    assert kstest(shares, beta(alpha, alpha).cdf).pvalue > 0.001


def test_reg_mix_up_keeps_the_images_before_the_mixed_ones(batch):
    images, labels = augment.reg_mix_up(*batch, (0, 1))
    assert images.shape == (32, 12, 12, 3) and labels.shape == (32, 4)
    np.testing.assert_array_equal(images[:16], batch[0])
    mixed = augment.mix_up(*batch, (0, 1), alpha=10.0)
    np.testing.assert_array_equal(images[16:], mixed[0])
    np.testing.assert_array_equal(labels[16:], mixed[1])


def test_cut_mix_pastes_boxes_and_weighs_labels_by_area(batch):
    labels = batch[1]
    marked = np.broadcast_to(labels[:, None, None], (16, 32, 32, 4))
    mixed, soft = augment.cut_mix(marked, labels, (0, 1))
    mixed = mixed.numpy()
    assert set(np.unique(mixed)) == {0.0, 1.0}
    # Keras' weight is the area of the box before it is cut to whole pixels.
    np.testing.assert_allclose(mixed.mean(axis=(1, 2)), soft, atol=0.06)
    assert np.any(mixed != marked)


def test_mixing_repeats_in_a_pipeline(batch):
    images, labels = batch
    for mix in (augment.mix_up, augment.reg_mix_up, augment.cut_mix):
        steps = tf.data.Dataset.range(3)
        mixed = steps.map(lambda step, mix=mix: mix(images, labels, (5, step)))
        for step, (views, soft) in enumerate(mixed):
            expected = mix(images, labels, (5, step))
            np.testing.assert_allclose(views, expected[0], atol=1e-6)
            np.testing.assert_allclose(soft, expected[1], atol=1e-6)
