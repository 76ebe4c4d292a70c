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
