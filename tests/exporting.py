"""Exports models and runs what was written, without Keras."""

import keras
import numpy as np
import pytest
from keras_version import KERAS

from keras_refcal.backend import NAME

FORMATS = {
    "tensorflow": ("tf_saved_model", "onnx"),
    "jax": ("tf_saved_model", "onnx"),
    "torch": ("onnx", "torch"),
}[NAME]


def assert_exports(model, inputs, directory, form, fixed_batch=False):
    """Asserts that an exported model makes the outputs of the model, to 1e-6.

    Args:
        model: A built model; its outputs are one array or a mapping of arrays that
            differ in type or shape.
        inputs: Array for `predict`, whose first axis is the batch.
        directory: Empty directory to write to.
        form: One of `FORMATS`.
        fixed_batch: Whether the exported model takes batches of this size only.
    """
    if form == "torch" and KERAS < (3, 15):
        pytest.skip("Keras exports to PyTorch from 3.15 on")
    options = {"format": form, "verbose": False}
    if fixed_batch:
        signature = [keras.InputSpec(shape=inputs.shape, dtype="float32", name="x")]
        options["input_signature"] = signature
    got = RUN[form](model, inputs, directory, options)
    # Exporters rename and reorder a mapping, so outputs are told by type and shape.
    expected = keras.tree.flatten(model.predict(inputs, verbose=0))
    assert len(got) == len(expected)
    for value in expected:
        (found,) = [x for x in got if _kind(x) == _kind(value)]
        np.testing.assert_allclose(
            found.astype("float64"), value.astype("float64"), rtol=0, atol=1e-6
        )


def onnx_or_skip():
    """Returns the module `onnxruntime`, or skips where ONNX is not installed."""
    reason = "needs the extra `onnx`, on JAX `onnx-jax`"
    converter = {"tensorflow": "tf2onnx", "jax": "jax2onnx", "torch": "onnxscript"}
    pytest.importorskip(converter[NAME], reason=reason)
    return pytest.importorskip("onnxruntime", reason=reason)


def _kind(array):
    return array.dtype.kind, array.shape


def _saved_model(model, inputs, directory, options):
    import tensorflow as tf

    model.export(str(directory / "saved"), **options)
    loaded = tf.saved_model.load(str(directory / "saved"))
    return [x.numpy() for x in keras.tree.flatten(loaded.serve(inputs))]


def _onnx(model, inputs, directory, options):
    onnxruntime = onnx_or_skip()
    path = str(directory / "model.onnx")
    model.export(path, **options)
    session = onnxruntime.InferenceSession(path)
    return session.run(None, {session.get_inputs()[0].name: inputs})


def _torch(model, inputs, directory, options):
    import torch

    path = str(directory / "model.pt2")
    if "input_signature" not in options:
        batch = torch.export.Dim("batch", min=1, max=4096)
        options["dynamic_shapes"] = {0: batch}
    model.export(path, **options)
    outputs = torch.export.load(path).module()(torch.tensor(inputs))
    return [x.detach().numpy() for x in keras.tree.flatten(outputs)]


RUN = {"tf_saved_model": _saved_model, "onnx": _onnx, "torch": _torch}
