"""Counting on PyTorch."""

import contextlib

import keras
import numpy as np
import torch

from keras_refcal.backend.keras_internals import in_stateless_scope

_LACKS_FLOAT64, _AS_IT_IS = torch.backends.mps.is_available(), contextlib.nullcontext()
_PLAIN_TENSORS = (torch.Tensor, torch.nn.Parameter)


def sum_by_index(values, index, size):
    """Returns sums of `values`, shape `(n, ...)`, by index, shape `(size, ...)`."""
    # Keras' own segment_sum cannot run on the meta device, where models are built, and
    # `index_add_` is ten times slower on rows.
    index = index.long().reshape(-1, *(1,) * (values.ndim - 1)).expand_as(values)
    zeros = values.new_zeros((size, *values.shape[1:]))
    return zeros.scatter_add_(0, index, values)


def cumsum(values):
    """Returns sums along the last axis, in the type of the values."""
    return torch.cumsum(values, dim=-1)  # Keras' own makes float32 of float64


def fused(function):
    """Returns a pure function of tensors as one call of the backend.

    On the CPU the function is given NumPy arrays, which share the tensors' memory:
    calling an operation of `keras.ops` on PyTorch takes longer than the operation.
    So it is for MPS, which has no float64.
    """

    def call(*tensors):
        arrays = None if torch.compiler.is_compiling() else _arrays(tensors)
        if arrays is None:
            return function(*tensors)
        with np.errstate(all="ignore"):
            return torch.from_numpy(function(*arrays))

    return call


def assign(variable, value):
    """Sets a variable to a tensor of its shape and type.

    On the CPU the memory is written as NumPy's: a call of Keras' `assign`, and one of
    PyTorch, are a tenth of the time of an update of a metric.
    """
    if not in_stateless_scope() and not torch.compiler.is_compiling():
        tensor = variable.value
        if type(tensor) in _PLAIN_TENSORS and tensor.device.type == "cpu":
            tensor.detach().numpy()[...] = value.numpy()
            return
    variable.assign(value)


def double_precision():
    """Returns a context in which float64 is computed with: any, but for MPS."""
    return keras.device("cpu") if _LACKS_FLOAT64 else _AS_IT_IS


def as_double(values, subnormal=False):
    """Returns float64; subnormal numbers are read as they are."""
    return (values.cpu() if values.device.type == "mps" else values).double()


def float32_part(doubles):
    """Returns float64 numbers without the bits that float32 has no room for."""
    return doubles.float().double()


def _arrays(tensors):
    """Returns tensors as arrays, or `None` where the CPU may not read their values."""
    arrays = []
    for tensor in tensors:
        if tensor is None:
            arrays.append(None)
        elif type(tensor) in _PLAIN_TENSORS and tensor.device.type in ("cpu", "mps"):
            arrays.append(_array(tensor.cpu()))
        else:
            return None
    return arrays


def _array(tensor):
    if tensor.dtype == torch.bfloat16:  # NumPy has no such type
        tensor = tensor.float()
    return (tensor.detach() if tensor.requires_grad else tensor).numpy()


def first_largest(rows):
    """Returns the column of the largest value of each row, the first of equal ones."""
    return torch.argmax(rows, dim=-1).to(torch.int32)
