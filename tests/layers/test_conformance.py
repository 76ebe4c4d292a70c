"""Every exported layer, found through `__all__`, keeps Keras' contract."""

import inspect

import keras
import numpy as np
import pytest

from keras_refcal import layers

ARGUMENTS = {
    "num_classes": 3,
    "embedding_dim": 3,
    "class_counts": [50, 20, 5],
    "training_rates": [0.5, 0.3, 0.2],
}
CLASSES = [
    getattr(layers, name)
    for name in layers.__all__
    if inspect.isclass(getattr(layers, name))
]


def make(cls, **kwargs):
    parameters = inspect.signature(cls).parameters
    return cls(**{k: v for k, v in ARGUMENTS.items() if k in parameters}, **kwargs)


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_config_round_trip(cls):
    layer = make(cls, name="named")
    copy = keras.layers.deserialize(keras.layers.serialize(layer))
    assert type(copy) is cls
    assert copy.get_config() == layer.get_config()


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
@pytest.mark.parametrize("policy", ["float32", "mixed_float16", "mixed_bfloat16"])
def test_output_is_finite_and_of_the_promised_shape(cls, policy):
    layer = make(cls, dtype=policy)
    inputs = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
    outputs = layer(inputs)
    assert tuple(outputs.shape) == tuple(layer.compute_output_shape((4, 3)))
    assert np.all(np.isfinite(keras.ops.convert_to_numpy(outputs)))


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_has_a_documented_example(cls):
    assert ">>>" in cls.__doc__


def test_projection_head_refuses_bad_sizes():
    with pytest.raises(ValueError, match="`projection_dim` must be a positive integer"):
        layers.ProjectionHead(0)
