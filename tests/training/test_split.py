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


def test_validation_is_cut_from_the_draw():
    split = Split.load(dataclasses.replace(CONFIG, validation=0.2))
    held_out = np.bincount(split.validation[1])
    assert (held_out + split.class_counts).tolist() == Split.load(CONFIG).class_counts
    assert held_out.tolist() == [24, 18, 14, 11, 9, 7, 5, 4, 3, 2]


def test_no_images_of_the_largest_class():
    with pytest.raises(ValueError, match="`max_count` must be 1 or more"):
        dataclasses.replace(CONFIG, max_count=0)
