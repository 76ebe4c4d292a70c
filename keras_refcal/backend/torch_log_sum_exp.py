"""Log-sum-exp of the similarities to all others, in strips, on PyTorch."""

import torch

from keras_refcal.backend.strips import strip_plan

_TINY = 1e-37


def log_sum_exp_of_others(rows, weights, block_size, bounded):
    """Returns `log Σ_{j≠i} w_j e^{z_i·z_j}` of every row, shape `(N,)`.

    The backward pass computes the similarities again: nothing N x N is kept.

    Args:
        rows: Shape `(N, D)`.
        weights: Shape `(N,)`, not negative; they get no gradient.
        block_size: The most rows a strip has.
        bounded: Whether no similarity is beyond ±60, so that exponentials need no
            shift.
    """
    return _LogSumExpOfOthers.apply(rows, weights, block_size, bounded)


class _LogSumExpOfOthers(torch.autograd.Function):
    @staticmethod
    def forward(ctx, rows, weights, block_size, bounded):
        forward = _forward_bounded if bounded else _forward
        values = forward(rows, weights, block_size)
        ctx.save_for_backward(rows, weights, values)
        ctx.options = block_size, bounded
        return values

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, upstream):
        return _gradient(upstream, *ctx.saved_tensors, *ctx.options), None, None, None


def _forward_bounded(rows, weights, block_size):
    size = rows.shape[0]
    blocks, block, width = strip_plan(size, block_size)
    rows, weights = (_around(x, blocks * block, width) for x in (rows, weights))
    totals = torch.zeros_like(weights)
    buffer = rows.new_empty(block, width)
    for start in range(0, blocks * block, block):
        own, strip = slice(start, start + block), slice(start, start + width)
        powers = torch.mm(rows[own], rows[strip].T, out=buffer).exp_()
        powers[:, :block].fill_diagonal_(0)
        totals[own] += powers @ weights[strip]
        totals[start + block : start + width] += weights[own] @ powers[:, block:]
    return _fold(totals, blocks * block, size).clamp_min_(_TINY).log_()


def _forward(rows, weights, block_size):
    log_weights = weights.log()
    values = torch.empty_like(weights)
    for start in range(0, rows.shape[0], block_size):
        own = slice(start, start + block_size)
        logits = rows[own] @ rows.T
        logits += log_weights
        logits[:, own].fill_diagonal_(-torch.inf)
        values[own] = torch.logsumexp(logits, dim=1)
    # An anchor whose others all have weight 0; its value is not used.
    return values.masked_fill_(values == -torch.inf, 0)


def _gradient(upstream, rows, weights, values, block_size, bounded):
    size, dim = rows.shape
    blocks, block, width = strip_plan(size, block_size)
    tables = rows, weights, values, upstream
    rows, weights, values, upstream = (
        _around(x, blocks * block, width) for x in tables
    )
    pulls = _bounded_pulls if bounded else _pulls
    gradient = rows.new_zeros(len(rows), dim)
    buffers = rows.new_empty(2, block, width)
    for start in range(0, blocks * block, block):
        own, strip = slice(start, start + block), slice(start, start + width)
        logits = torch.mm(rows[own], rows[strip].T, out=buffers[0])
        pull = pulls(logits, buffers[1], weights, values, upstream, own, strip)
        pull[:, :block].fill_diagonal_(0)
        gradient[own].addmm_(pull, rows[strip])
        gradient[start + block : start + width].addmm_(pull[:, block:].T, rows[own])
    return _fold(gradient, blocks * block, size)


def _bounded_pulls(logits, buffer, weights, values, upstream, own, strip):
    """Returns how much row i and row j pull at each other, in place of `logits`."""
    shares = upstream * torch.exp(-values)
    left = torch.stack([shares[own], weights[own]], dim=1)
    right = torch.stack([weights[strip], shares[strip]])
    return logits.exp_().mul_(torch.mm(left, right, out=buffer))


def _pulls(logits, buffer, weights, values, upstream, own, strip):
    log_weights = weights.log()
    torch.add(logits, log_weights[own, None] - values[strip], out=buffer)
    buffer.exp_().mul_(upstream[strip])
    logits += log_weights[strip] - values[own, None]
    return logits.exp_().mul_(upstream[own, None]).add_(buffer)


def _around(table, padded, width):
    """Returns a table padded with zeros and followed by its own first rows."""
    table = torch.cat([table, table.new_zeros(padded - len(table), *table.shape[1:])])
    return torch.cat([table, table[:width]])


def _fold(table, padded, size):
    """Adds what was gathered beyond the circle's start to the first rows."""
    table[: len(table) - padded] += table[padded:]
    return table[:size]
