"""Augmentation on the device that trains is that of the pipelines."""

import keras
import numpy as np
import pytest

from keras_refcal import backend
from keras_refcal.data import augment, device_arrays, pipeline_arrays, seeds

PHOTOS = (
    np.random.default_rng(0)
    .integers(0, 256, (12, 4, 5, 3))
    .astype("uint8")
    .repeat(4, axis=1)
    .repeat(4, axis=2)
)


class GivenDraws:
    """The same draws for both kinds of arrays, in the order in which they are asked."""

    def __init__(self, monkeypatch, xp):
        generator = np.random.default_rng(5)

        def uniform(seed, shape, low=0.0, high=1.0):
            return xp.tensor(generator.uniform(low, high, shape).astype("float32"))

        def integers(seed, shape, count):
            return xp.cast(xp.tensor(generator.integers(0, count, shape)), "int32")

        monkeypatch.setattr(xp, "uniform", uniform)
        monkeypatch.setattr(xp, "integers", integers)
        monkeypatch.setattr(xp, "split", lambda seed, count: [seed] * count)


def test_both_kinds_of_arrays_have_the_same_names():
    assert sorted(device_arrays.__all__) == sorted(pipeline_arrays.__all__)


@pytest.mark.parametrize("name", sorted(augment.AUGMENTATIONS))
def test_equal_draws_give_equal_views(name, monkeypatch):
    GivenDraws(monkeypatch, pipeline_arrays)
    expected = augment.get(name)(PHOTOS, (0, 1)).numpy()
    GivenDraws(monkeypatch, device_arrays)
    images = keras.ops.convert_to_tensor(PHOTOS)
    views = augment.get(name)(images, seeds.DeviceSeed(None))
    views = keras.ops.convert_to_numpy(views)
    assert views.dtype == np.float32
    np.testing.assert_allclose(views, expected, atol=1e-5)


def test_equal_draws_mix_alike(monkeypatch):
    labels = np.eye(4, dtype="float32")[np.arange(12) % 4]
    GivenDraws(monkeypatch, pipeline_arrays)
    expected = augment.reg_mix_up(PHOTOS, labels, (0, 1))
    GivenDraws(monkeypatch, device_arrays)
    tensors = map(keras.ops.convert_to_tensor, (PHOTOS, labels))
    found = augment.reg_mix_up(*tensors, seeds.DeviceSeed(None))
    for ours, theirs in zip(found, expected, strict=True):
        ours = keras.ops.convert_to_numpy(ours)
        np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-5)


def test_draws_are_uniform_and_apart():
    key = keras.random.SeedGenerator(7).next()
    parts = [*backend.split_key(key, 2), key, backend.fold_in(key, 5)]
    draws = [backend.uniform(part, (3, 20_000)) for part in parts]
    draws = np.array([keras.ops.convert_to_numpy(x) for x in draws]).reshape(12, -1)
    assert draws.min() >= 0 and draws.max() < 1
    counts = [np.histogram(row, 50, (0, 1))[0] for row in draws]
    # Of 50 cells: chi squared has mean 49 and deviation 10.
    assert np.max(np.sum((np.array(counts) - 400) ** 2 / 400, axis=1)) < 100
    assert np.abs(np.corrcoef(draws) - np.eye(12)).max() < 0.04
    neighbours = [np.corrcoef(row[1:], row[:-1])[0, 1] for row in draws]
    assert np.max(np.abs(neighbours)) < 0.04


def test_a_draw_does_not_depend_on_how_many_there_are_before_it():
    key = keras.random.SeedGenerator(7).next()
    again = keras.random.SeedGenerator(7).next()
    first, second = (
        keras.ops.convert_to_numpy(backend.uniform(k, (5,))) for k in (key, again)
    )
    np.testing.assert_array_equal(first, second)
