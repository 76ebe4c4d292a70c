"""Counting on PyTorch."""

import numpy as np
import torch

_PLAIN_TENSORS = (torch.Tensor, torch.nn.Parameter)


def sum_by_index(values, index, size):
    """Returns sums of `values`, shape `(n, ...)`, by index, shape `(size, ...)`."""
    # Keras' own segment_sum cannot run on the meta device, where models are built, and
    # `index_add_` is ten times slower on rows.
    index = index.long().reshape(-1, *(1,) * (values.ndim - 1)).expand_as(values)
    zeros = values.new_zeros((size, *values.shape[1:]))
    return zeros.scatter_add_(0, index, values)


def fused(function):
    """Returns a pure function of tensors as one call of the backend.

    On the CPU the function is given NumPy arrays, which share the tensors' memory:
    calling an operation of `keras.ops` on PyTorch takes longer than the operation.
    """

    def call(*tensors):
        arrays = None if torch.compiler.is_compiling() else _arrays(tensors)
        if arrays is None:
            return function(*tensors)
        with np.errstate(all="ignore"):
            return torch.from_numpy(function(*arrays))

    return call


def _arrays(tensors):
    """Returns tensors as arrays, or `None` where the CPU may not read their values."""
    arrays = []
    for tensor in tensors:
        if tensor is None:
            arrays.append(None)
        elif type(tensor) in _PLAIN_TENSORS and tensor.is_cpu:
            arrays.append(_array(tensor))
        else:
            return None
    return arrays


def _array(tensor):
    if tensor.dtype == torch.bfloat16:  # NumPy has no such type
        tensor = tensor.float()
    return (tensor.detach() if tensor.requires_grad else tensor).numpy()
