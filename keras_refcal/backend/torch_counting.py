"""Counting on PyTorch."""

import numpy as np
import torch


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
        if not all(map(_is_readable, tensors)):
            return function(*tensors)
        with np.errstate(all="ignore"):
            return torch.from_numpy(function(*map(_array, tensors)))

    return call


def _is_readable(tensor):
    """Whether a tensor, or `None`, has values that the CPU may read."""
    if tensor is None:
        return True
    plain = type(tensor) in (torch.Tensor, torch.nn.Parameter)
    return plain and tensor.is_cpu and not torch.compiler.is_compiling()


def _array(tensor):
    if tensor is None:
        return None
    if tensor.dtype == torch.bfloat16:  # NumPy has no such type
        tensor = tensor.float()
    return tensor.detach().numpy()
