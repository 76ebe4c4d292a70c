"""The processes of `torch.distributed`."""

import keras
import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel


def global_batch(values):
    """Returns tensors with the rows of every process, the same ones in each.

    Gradients flow back to the process that a row came from. All processes must hold
    equally many rows.

    Args:
        values: A nest of tensors, shape `(batch, ...)`, and `None`.
    """
    if not distributed():
        return values
    return keras.tree.map_structure(_gathered, values)


def replicated(model):
    """Returns a callable of a model whose gradients are averages over processes.

    It is `DistributedDataParallel`, which also gives every process the weights of the
    first. Alone, a model is its own callable.
    """
    return DistributedDataParallel(model) if distributed() else model


def sum_over_processes(variables):
    """Adds up Keras variables over all processes, in place."""
    if distributed():
        for variable in variables:
            dist.all_reduce(variable.value.data)


def num_replicas():
    """Returns 1: Keras does not divide losses by the number of processes."""
    return 1


def distributed():
    """Whether several processes train together."""
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


def _gathered(x):
    if x is None:
        return None
    return _Gather.apply(keras.ops.convert_to_tensor(x))


class _Gather(torch.autograd.Function):
    """Rows of all processes; the gradient is the sum over processes, own rows."""

    @staticmethod
    def forward(ctx, x):
        ctx.rows = len(x)
        rows = [torch.empty_like(x) for _ in range(dist.get_world_size())]
        dist.all_gather(rows, x.contiguous())
        return torch.cat(rows)

    @staticmethod
    def backward(ctx, gradient):
        gradient = gradient.contiguous()
        dist.all_reduce(gradient)
        return gradient.split(ctx.rows)[dist.get_rank()]
