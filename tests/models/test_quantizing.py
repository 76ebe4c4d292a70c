"""A quantised model is saved and loaded as a plain one."""

import keras
import numpy as np
import pytest
from models.small_model import data, make


@pytest.mark.parametrize("mode", ["int8", "float8"])
def test_is_reloaded_exactly(mode, tmp_path):
    model = make()
    x, y = data()
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(x, y, verbose=0)
    model.quantize(mode)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    outputs = model(x, return_outputs=True)
    for name, values in loaded(x, return_outputs=True).items():
        ours, theirs = map(keras.ops.convert_to_numpy, (values, outputs[name]))
        np.testing.assert_array_equal(ours, theirs)
    heads = (
        loaded.classifier,
        loaded.projection.hidden,
        loaded.projection.output_layer,
    )
    assert all(head.quantization_mode == mode for head in heads)
