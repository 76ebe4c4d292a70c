"""The processes of `torch.distributed`."""

import keras
import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel


def global_batch(values):
    """Returns tensors with the rows of every process, the same ones in each.

    Gradients flow back to the process that a row came from. Processes may hold
    different numbers of rows; all must call this equally often.

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
        ctx.sizes = _row_counts(len(x), x.device)
        padded = x.new_zeros((max(ctx.sizes), *x.shape[1:]))
        padded[: len(x)] = x
        rows = [torch.empty_like(padded) for _ in ctx.sizes]
        dist.all_gather(rows, padded)
        return torch.cat([r[:size] for r, size in zip(rows, ctx.sizes, strict=True)])

    @staticmethod
    def backward(ctx, gradient):
        gradient = gradient.contiguous()
        dist.all_reduce(gradient)
        return gradient.split(ctx.sizes)[dist.get_rank()]


def _row_counts(rows, device):
    """Returns how many rows each process holds."""
    own = torch.tensor([rows], device=device)
    counts = [torch.empty_like(own) for _ in range(dist.get_world_size())]
    dist.all_gather(counts, own)
    return [int(count) for count in counts]
