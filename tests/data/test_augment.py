import numpy as np
import pytest
import tensorflow as tf

from keras_refcal.data import augment


@pytest.fixture
def photos():
    generator = np.random.default_rng(0)
    coarse = generator.integers(0, 256, (24, 8, 8, 3)).astype("uint8")
    return np.repeat(np.repeat(coarse, 4, axis=1), 4, axis=2)


@pytest.mark.parametrize("name", sorted(augment.AUGMENTATIONS))
def test_each_image_has_draws_of_its_own(name, photos):
    images = np.repeat(photos[:1], 16, axis=0)
    views = augment.get(name)(images, (0, 1)).numpy()
    assert views.dtype == np.float32
    assert views.shape == images.shape
    assert views.min() >= 0 and views.max() <= 1
    distinct = len(np.unique(views.reshape(16, -1), axis=0))
    assert distinct == 1 if name == "none" else distinct > 10


@pytest.mark.parametrize("name", sorted(augment.AUGMENTATIONS))
def test_same_seed_gives_the_same_bytes_in_a_pipeline(name, photos):
    function = augment.get(name)
    seeds = tf.data.Dataset.range(6)
    views = seeds.map(lambda step: function(photos, (7, step)), tf.data.AUTOTUNE)
    first, second = (np.stack(list(views.as_numpy_iterator())) for _ in range(2))
    assert first.tobytes() == second.tobytes()
    alone = np.stack([function(photos, (7, step)).numpy() for step in range(6)])
    np.testing.assert_allclose(first, alone, atol=1e-6)
    assert name == "none" or np.any(first[0] != first[1])


@pytest.mark.parametrize("name", ["simclr", "crop_flip", "shift_flip", "affine"])
def test_bytes_and_floats_are_the_same_images(name, photos):
    function = augment.get(name)
    floats = function((photos / 255).astype("float32"), (0, 1))
    np.testing.assert_allclose(function(photos, (0, 1)), floats, atol=2e-6)


@pytest.mark.parametrize("name", sorted(augment.AUGMENTATIONS))
def test_grey_images_stay_grey(name, photos):
    views = augment.get(name)(photos[..., :1], (0, 1))
    assert tuple(views.shape) == (24, 32, 32, 1)


def test_normalized_views(photos):
    mean, std = (0.5, 0.4, 0.3), (0.2, 0.25, 0.5)
    plain = augment.simclr(photos, (0, 1)).numpy()
    views = augment.normalized(augment.simclr, mean, std)(photos, (0, 1))
    expected = (plain - np.array(mean)) / np.array(std)
    np.testing.assert_allclose(views, expected, atol=1e-5)
