import numpy as np
import pytest

from keras_refcal import data


def test_digits_are_split_by_class():
    digits = data.load("digits")
    assert np.bincount(digits.train_labels).tolist() == [120] * 10
    assert len(digits.train_labels) + len(digits.test_labels) == 1797
    assert digits.train_images.dtype == np.uint8
    assert digits.train_images.max() == 255
    rows = [
        {image.tobytes() for image in images}
        for images in (digits.train_images, digits.test_images)
    ]
    assert not rows[0] & rows[1]


def test_refuses_unknown_names():
    with pytest.raises(ValueError, match=r"`dataset` must be one of.*'mnits'"):
        data.load("mnits")


def test_a_validation_part_is_cut_from_each_class():
    digits = data.load("digits").long_tailed(0.1)
    smaller, (images, labels) = digits.with_validation(0.2, seed=3)
    counts = np.bincount(digits.train_labels)
    held_out = np.bincount(labels, minlength=10)
    assert held_out.tolist() == [round(0.2 * count) for count in counts]
    assert (np.bincount(smaller.train_labels) + held_out).tolist() == counts.tolist()
    parts = [{x.tobytes() for x in part} for part in (smaller.train_images, images)]
    assert not parts[0] & parts[1]
    np.testing.assert_array_equal(digits.with_validation(0.2, seed=3)[1][1], labels)


def test_validation_keeps_a_sample_of_each_class_in_training():
    kept, held_out = data.validation_indices([0, 1, 1, 2, 2, 2], 0.9)
    assert np.array([0, 1, 1, 2, 2, 2])[kept].tolist() == [0, 1, 2]
    assert sorted([*kept, *held_out]) == list(range(6))
    with pytest.raises(ValueError, match="hold out one sample or more"):
        data.validation_indices([0, 1, 2], 0.5)
    with pytest.raises(ValueError, match="`fraction` must be"):
        data.validation_indices([0, 1, 2], 1.5)


def test_moments_are_those_of_the_channels():
    digits = data.load("digits")
    pixels = digits.train_images / 255
    np.testing.assert_allclose(digits.mean, [pixels.mean()])
    np.testing.assert_allclose(digits.std, [pixels.std()])


def test_merged_classes():
    digits = data.load("digits").long_tailed(0.1).merged([0] * 5 + [1] * 5, ["a", "b"])
    assert np.bincount(digits.train_labels).tolist() == [381, 105]
    with pytest.raises(ValueError, match="`class_of_class`"):
        digits.merged([0, 2], ["a", "b"])
