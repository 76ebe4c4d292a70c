"""The images of a run, against the rule of the long-tailed draw."""

import dataclasses

import numpy as np
import pytest

from keras_refcal import data
from keras_refcal.training.config import TrainConfig
from keras_refcal.training.split import Split

CONFIG = TrainConfig(dataset="digits", output_dir="unused")


def test_draws_the_published_sizes():
    split = Split.load(CONFIG)
    assert split.class_counts == [120, 92, 71, 55, 43, 33, 25, 20, 15, 12]
    assert split.validation is None


def test_max_count_sets_the_largest_class():
    split = Split.load(dataclasses.replace(CONFIG, max_count=50))
    assert split.class_counts == [50, 38, 29, 23, 17, 13, 10, 8, 6, 5]


def test_what_was_drawn_already_stays_whole():
    drawn = data.load("digits").long_tailed(0.1)
    split = Split.of(drawn, dataclasses.replace(CONFIG, max_count=120))
    np.testing.assert_array_equal(
        np.bincount(split.images.train_labels), np.bincount(drawn.train_labels)
    )
    with pytest.raises(
        ValueError, match="asks for 48 samples of class 4, which has 43"
    ):
        Split.of(drawn, dataclasses.replace(CONFIG, imbalance_factor=1.0))


def own(counts):
    labels = np.repeat(np.arange(len(counts)), counts)
    images = np.zeros((len(labels), 4, 4, 1), "uint8")
    names = tuple(map(str, range(len(counts))))
    return data.ImageData("mine", images, labels, images, labels, names)


@pytest.mark.parametrize(
    "name", ["mine.npz", "tfds:digits", "digits/folder", "./digits"]
)
def test_images_of_ones_own_are_all_used(name):
    images = own([150, 38, 200])
    split = Split.of(images, dataclasses.replace(CONFIG, dataset=name))
    assert split.images is images
    assert str(split.draw) == "388 training images"
    assert split.draw.imbalance_factor is None


@pytest.mark.parametrize(
    "changes, counts, why",
    [
        ({"imbalance_factor": 0.1}, [30, 9, 3], "`imbalance_factor` is 0.1"),
        ({"imbalance_factor": 10.0, "max_count": 20}, [20, 6, 2], "is 10.0"),
        ({"max_count": 35}, [30, 30, 35], "`max_count` is 35"),
        ({"max_count": 35, "imbalance_factor": "none"}, [30, 30, 35], "is 35"),
        ({"dataset": "digits"}, [30, 9, 3], "0.1 for this benchmark"),
        ({"dataset": "svhn_cropped"}, [30, 9, 3], "0.1 for this benchmark"),
    ],
)
def test_what_is_left_out_is_said(changes, counts, why):
    images = own([30, 30, 60]) if "max_count" in changes else own([30, 30, 30])
    config = dataclasses.replace(CONFIG, **{"dataset": "mine.npz"} | changes)
    split = Split.of(images, config)
    assert split.class_counts == counts
    used, total = sum(counts), len(images.train_labels)
    assert f"uses {used} of {total} images, because " in str(split.draw)
    assert why in str(split.draw)


def test_no_factor_takes_a_benchmark_whole():
    split = Split.load(dataclasses.replace(CONFIG, imbalance_factor="none"))
    assert split.class_counts == [120] * 10 and not split.draw.why


def test_a_seed_of_no_draw_is_refused():
    whole = dataclasses.replace(CONFIG, imbalance_factor="none", split_seed=7)
    with pytest.raises(ValueError, match="`split_seed` has no effect where nothing"):
        Split.load(whole)
    Split.load(dataclasses.replace(whole, max_count=100))


def test_validation_is_cut_from_the_draw():
    split = Split.load(dataclasses.replace(CONFIG, validation=0.2))
    held_out = np.bincount(split.validation[1])
    assert (held_out + split.class_counts).tolist() == Split.load(CONFIG).class_counts
    assert held_out.tolist() == [24, 18, 14, 11, 9, 7, 5, 4, 3, 2]


def test_no_images_of_the_largest_class():
    with pytest.raises(ValueError, match="`max_count` must be 1 or more"):
        dataclasses.replace(CONFIG, max_count=0)
