"""The processes of `torch.distributed`."""

import time

import keras
import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

# Seconds; the thread needs microseconds, or its turn on a machine that is busy.
LONGEST_WAIT = 1.0
NAP = 1e-5  # with 0 the waiting thread mostly takes Python's lock back at once


def global_batch(values):
    """Returns tensors with the rows of every process, the same ones in each.

    Gradients flow back to the process that a row came from. Processes may hold
    different numbers of rows; all must call this equally often.

    Args:
        values: A nest of tensors, shape `(batch, ...)`, and `None`.
    """
    if not distributed():
        return values
    values = keras.tree.map_structure(_as_tensor, values)
    counts = _row_counts([x for x in keras.tree.flatten(values) if x is not None])
    return keras.tree.map_structure(
        lambda x: x if x is None else _Gather.apply(x, next(counts)), values
    )


def replicated(model):
    """Returns a function that calls a model, its gradients averages over processes.

    It is `DistributedDataParallel`, which also gives every process the weights of the
    first. It waits for the gradient of all that requires one, so that what the model
    does not train must not, while it is made.
    """
    trained = {id(weight) for weight in model.trainable_weights}
    idle = [w.value for w in model.weights if w.trainable and id(w) not in trained]
    for value in idle:
        value.requires_grad_(False)
    replica = DistributedDataParallel(model)
    for value in idle:
        value.requires_grad_(True)
    # Keras would save a module that is an attribute with the model, for ever.
    return lambda *inputs, **options: replica(*inputs, **options)


def sum_over_processes(variables):
    """Adds up Keras variables over all processes, in place."""
    if distributed():
        for variable in variables:
            _add_up(variable.value.data)


def average_gradients(weights):
    """Replaces the gradients of Keras variables by their averages over processes."""
    if distributed():
        for weight in weights:
            if weight.value.grad is not None:
                _add_up(weight.value.grad)
                weight.value.grad /= dist.get_world_size()


def num_replicas():
    """Returns 1: Keras does not divide losses by the number of processes."""
    return 1


def distributed():
    """Whether several processes train together."""
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


def _as_tensor(x):
    if x is None:
        return None
    x = keras.ops.convert_to_tensor(x)
    return x.int() if x.dtype == torch.int16 else x  # which Gloo does not take


class _Gather(torch.autograd.Function):
    """Rows of all processes; the gradient is the sum over processes, own rows."""

    @staticmethod
    def forward(ctx, x, counts):
        ctx.counts = counts
        padded = x.new_zeros((max(counts), *x.shape[1:]))
        padded[: len(x)] = x
        rows = _of_all_processes(padded)
        return torch.cat([r[:count] for r, count in zip(rows, counts, strict=True)])

    @staticmethod
    def backward(ctx, gradient):
        gradient = gradient.contiguous()
        _add_up(gradient)
        return gradient.split(ctx.counts)[dist.get_rank()], None


def _row_counts(tensors):
    """Yields, for each tensor, how many rows of it each process holds."""
    rows = torch.tensor([len(x) for x in tensors], device=tensors[0].device)
    counts = torch.stack(_of_all_processes(rows))
    yield from counts.T.tolist()


def _of_all_processes(x):
    gathered = [torch.empty_like(x) for _ in range(dist.get_world_size())]
    _exchange(lambda: dist.all_gather(gathered, x), [x, *gathered])
    return gathered


def _add_up(x):
    _exchange(lambda: dist.all_reduce(x), [x])


def _exchange(collective, tensors):
    """Calls a collective and waits until Gloo has let go of its tensors.

    A thread of Gloo still holds them when the collective returns, and needs Python's
    lock to let them go. Were Python ending then, the process would be aborted with
    "terminate called without an active exception". Tensors of a GPU are not waited
    for: what follows is queued behind the collective.
    """
    tensors = [x for x in tensors if x.device.type == "cpu"]
    held = [x._use_count() for x in tensors]
    collective()
    deadline = time.monotonic() + LONGEST_WAIT
    while any(x._use_count() > n for x, n in zip(tensors, held, strict=True)):
        if time.monotonic() > deadline:
            return
        time.sleep(NAP)
