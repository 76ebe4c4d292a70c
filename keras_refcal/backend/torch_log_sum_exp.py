"""Log-sum-exp of the similarities to all others, in tiles, on PyTorch.

The matrix of similarities is symmetric: of every pair of blocks of rows one tile is
computed, and serves the rows of both.
"""

import torch

# Tiles of this size stay in the cache, and threads meet seldom.
BLOCK_SIZE = 1024

_TINY = 1e-37


def log_sum_exp_of_others(rows, weights, block_size, bounded):
    """Returns `log Σ_{j≠i} w_j e^{z_i·z_j}` of every row, shape `(N,)`.

    The backward pass computes the similarities again: nothing N x N is kept.

    Args:
        rows: Shape `(N, D)`.
        weights: Shape `(N,)`, not negative; they get no gradient.
        block_size: The most rows a block has.
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
    totals = torch.zeros_like(weights)
    (buffer,) = _buffers(rows, block_size, 1)
    for own, other in _pairs_of_blocks(rows, block_size):
        powers = _product(rows[own], rows[other].T, buffer).exp_()
        if own == other:
            powers.fill_diagonal_(0)
        else:
            totals[other].addmv_(powers.T, weights[own])
        totals[own].addmv_(powers, weights[other])
    return totals.clamp_min_(_TINY).log_()


def _forward(rows, weights, block_size):
    log_weights = weights.log()
    values = torch.full_like(weights, -torch.inf)
    (buffer,) = _buffers(rows, block_size, 1)

    def add(block, terms, dim):
        values[block] = values[block].logaddexp(terms.logsumexp(dim))

    for own, other in _pairs_of_blocks(rows, block_size):
        logits = _product(rows[own], rows[other].T, buffer)
        if own == other:
            logits.fill_diagonal_(-torch.inf)
        else:
            add(other, logits + log_weights[own, None], 0)
        add(own, logits + log_weights[other], 1)
    # An anchor whose others all have weight 0; its value is not used.
    return values.masked_fill_(values == -torch.inf, 0)


def _gradient(upstream, rows, weights, values, block_size, bounded):
    gradient = torch.zeros_like(rows)
    buffer, factors = _buffers(rows, block_size, 2)
    pulls = (_bounded_pulls if bounded else _pulls)(weights, values, upstream)
    for own, other in _pairs_of_blocks(rows, block_size):
        logits = _product(rows[own], rows[other].T, buffer)
        pull = pulls(logits, own, other, factors)
        if own == other:
            pull.fill_diagonal_(0)
        else:
            gradient[other].addmm_(pull.T, rows[own])
        gradient[own].addmm_(pull, rows[other])
    return gradient


def _bounded_pulls(weights, values, upstream):
    """Returns a function that turns logits into how much both rows pull, in place."""
    shares = upstream * torch.exp(-values)
    left, right = torch.stack([shares, weights], 1), torch.stack([weights, shares])

    def pulls(logits, own, other, buffer):
        return logits.exp_().mul_(_product(left[own], right[:, other], buffer))

    return pulls


def _pulls(weights, values, upstream):
    log_weights = weights.log()

    def pulls(logits, own, other, buffer):
        as_contrast = _view(buffer, logits.shape)
        shifts = log_weights[own, None] - values[other]
        torch.add(logits, shifts, out=as_contrast).exp_().mul_(upstream[other])
        logits += log_weights[other] - values[own, None]
        return logits.exp_().mul_(upstream[own, None]).add_(as_contrast)

    return pulls


def _pairs_of_blocks(rows, block_size):
    size = len(rows)
    blocks = [
        slice(start, min(start + block_size, size))
        for start in range(0, size, block_size)
    ]
    for number, own in enumerate(blocks):
        for other in blocks[number:]:
            yield own, other


def _buffers(rows, block_size, count):
    length = min(block_size, len(rows))
    return rows.new_empty(count, length * length)


def _product(left, right, buffer):
    """Returns the matrix product, in the memory of a buffer."""
    out = _view(buffer, (left.shape[0], right.shape[1]))
    return torch.mm(left, right, out=out)


def _view(buffer, shape):
    return buffer[: shape[0] * shape[1]].view(shape)
