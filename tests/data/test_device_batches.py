"""Batches of raw images without TensorFlow."""

import keras
import numpy as np
import pytest
from PIL import Image

from keras_refcal.data import (
    DeviceBatches,
    ImageFiles,
    PKSampler,
    Sampler,
    class_weights,
)

# The number of a sample is written in its pixels.
IMAGES = np.arange(20, dtype="uint8")[:, None, None, None] + np.zeros(
    (20, 4, 4, 3), "uint8"
)
LABELS = np.arange(20) % 5


def numbers(images):
    return keras.ops.convert_to_numpy(images)[:, 0, 0, 0].tolist()


def read(batches, epoch=0):
    return [numbers(batch[0]) for batch in batches.epoch(epoch)]


def test_batches_are_those_of_the_sampler():
    batches = DeviceBatches(IMAGES, LABELS, 6, seed=3)
    orders = [Sampler(LABELS, 6, seed=3).epoch(number).tolist() for number in range(4)]
    assert [read(batches, number) for number in range(4)] == orders
    endless = batches.from_epoch(2)
    assert [numbers(endless[i][0]) for i in (0, 2, 3)] == [
        orders[2][0],
        orders[2][2],
        orders[3][0],
    ]
    with pytest.raises(IndexError, match="An epoch has 3 batches"):
        batches.epoch(0)[3]


def test_fit_reads_one_epoch_after_another():
    seen = []

    class Watched(DeviceBatches):
        def _rows(self, order, step):
            batch = super()._rows(order, step)
            seen.append(numbers(batch[0]))
            return batch

    layers = [keras.layers.Flatten(), keras.layers.Dense(5)]
    model = keras.Sequential([keras.Input((4, 4, 3)), *layers])
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    batches = Watched(IMAGES, LABELS, 6)
    model.fit(
        batches.from_epoch(2),
        steps_per_epoch=batches.steps_per_epoch,
        initial_epoch=2,
        epochs=4,
        shuffle=False,
        verbose=0,
    )
    order = [row for n in (2, 3) for row in Sampler(LABELS, 6).epoch(n).tolist()]
    # A backend looks at the first batch, or some, to learn shapes, and may read ahead.
    start = len(seen) - seen[::-1].index(order[0]) - 1
    assert seen[start : start + 6] == order


def test_labels_carry_numbers_and_weights():
    weights = class_weights([4] * 5, "inverse")[LABELS] * np.arange(20)
    batches = DeviceBatches(
        IMAGES, LABELS, 4, sampler=PKSampler(LABELS, 2), sample_weight=weights,
        with_index=True,
    )  # fmt: skip
    images, labels, weight = batches.epoch(0)[1]
    chosen = numbers(images)
    np.testing.assert_array_equal(labels[:, 1], chosen)
    np.testing.assert_array_equal(labels[:, 0], LABELS[chosen])
    np.testing.assert_allclose(weight, weights[chosen])


def test_shards_deal_out_the_batches():
    whole = read(DeviceBatches(IMAGES, LABELS, 4))
    parts = [read(DeviceBatches(IMAGES, LABELS, 4, shard=(i, 2))) for i in (0, 1)]
    assert [a + b for a, b in zip(*parts, strict=True)] == whole


def test_files_are_decoded_as_arrays_would_be(tmp_path):
    paths = []
    for number, image in enumerate(IMAGES):
        paths.append(tmp_path / f"{number}.png")
        Image.fromarray(image).save(paths[-1])
    files = ImageFiles([str(path) for path in paths], (4, 4, 3))
    batches = DeviceBatches(files, LABELS, 6)
    assert read(batches) == read(DeviceBatches(IMAGES, LABELS, 6))
    # Any order, and again.
    epoch = batches.epoch(1)
    assert numbers(epoch[2][0]) == numbers(epoch[2][0]) != numbers(epoch[0][0])


def test_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match="equally many samples"):
        DeviceBatches(IMAGES, LABELS[:5], 4)
    with pytest.raises(ValueError, match="`sample_weight` must hold a weight"):
        DeviceBatches(IMAGES, LABELS, 4, sample_weight=np.ones(3))
