"""Configurations that follow from signatures."""

import keras
import numpy as np

from keras_refcal.losses import CrossEntropyLoss, RefCalLoss, SimCLRLoss
from keras_refcal.registration import Configured, arguments_of


class Outer(Configured, keras.layers.Layer):
    def __init__(self, size, inner=None, *, ids=(), **kwargs):
        super().__init__(**kwargs)
        self.size, self.inner, self.ids = size, inner, ids


class Inner(Outer):
    def __init__(self, rate=0.5, **kwargs):
        super().__init__(**kwargs)
        self.rate = rate


class Closed(Outer):
    def __init__(self, name=None):
        super().__init__(3, name=name)


def test_arguments_are_those_that_reach_a_class_of_this_package():
    assert arguments_of(Inner) == ("rate", "size", "inner", "ids")
    assert arguments_of(Closed) == ()


def test_a_configuration_is_plain_and_makes_an_equal_object():
    made = Inner(size=2, ids={"a": (np.int64(1), 2)}, inner=None, name="mine")
    config = made.get_config()
    assert config["ids"] == {"a": [1, 2]} and type(config["ids"]["a"][0]) is int
    assert Inner.from_config(config).get_config() == config
    assert "size" not in Closed().get_config()


def test_objects_of_keras_come_back_as_such():
    loss = RefCalLoss(CrossEntropyLoss(0.1), None, SimCLRLoss(0.3), 2.0)
    again = RefCalLoss.from_config(loss.get_config())
    assert again.classification.label_smoothing == 0.1 and again.calibration is None
    assert again.refinement.temperature == 0.3
