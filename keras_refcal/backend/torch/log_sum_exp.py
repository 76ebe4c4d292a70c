"""Log-sum-exp of the similarities to all others, in tiles, on PyTorch.

The matrix of similarities is symmetric: of every pair of blocks of rows one tile is
computed, and serves the rows of both.
"""

import math

import torch

# Tiles of this size stay in the cache of a core.
BLOCK_SIZE = 512

# Up to so many rows all tiles are kept for the gradient, 38 MB of them at most. Beyond
# it, to keep some of them saves nothing that can be measured.
_MAX_KEPT_ROWS = 4096

TINY = 1e-37  # the least sum whose logarithm is taken

# `exp2` of the similarities in bits takes a third of the time of `exp`.
BITS = 1 / math.log(2)


def log_sum_exp_of_others(rows, weights, block_size, bounded, keep=False):
    """Returns `log Σ_{j≠i} w_j e^{z_i·z_j}` of every row, and kept tiles of powers.

    Args:
        rows: Shape `(N, D)`.
        weights: Shape `(N,)`, not negative; they get no gradient.
        block_size: The most rows a block has.
        bounded: Whether no similarity is beyond ±60, so that exponentials need no
            shift.
        keep: Whether to keep the tiles for the gradient, if the rows are not too many.
    """
    if bounded:
        return _forward_bounded(rows, weights, block_size, keep)
    return _forward(rows, weights, block_size), []


def gradient(upstream, rows, weights, values, kept, block_size, bounded):
    """Returns the gradient of the values to the rows, shape `(N, D)`."""
    found = torch.zeros_like(rows)
    if bounded:
        pulls = _bounded_pulls(upstream, rows, weights, values, kept, block_size)
    else:
        pulls = _pulls(upstream, rows, weights, values, block_size)
    for own, other in _pairs_of_blocks(rows, block_size):
        pull = pulls(own, other)
        if own != other:
            found[other].addmm_(pull.T, rows[own])
        found[own].addmm_(pull, rows[other])
    return found


def _forward_bounded(rows, weights, block_size, keep):
    totals = torch.zeros_like(weights)
    kept, keep = [], keep and len(rows) <= _MAX_KEPT_ROWS
    buffer = None if keep else _buffers(rows, block_size, 1)[0]
    for own, other in _pairs_of_blocks(rows, block_size):
        powers = _powers(rows, own, other, buffer)
        if keep:
            kept.append(powers)
        if own != other:
            totals[other].addmv_(powers.T, weights[own])
        totals[own].addmv_(powers, weights[other])
    return totals.clamp_min_(TINY).log_(), kept


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


def _bounded_pulls(upstream, rows, weights, values, kept, block_size):
    """Returns a function of two blocks: how much their rows pull at each other."""
    shares = upstream * torch.exp(-values)
    kept = iter(kept)
    buffer, factors = _buffers(rows, block_size, 2)

    def pulls(own, other):
        powers = next(kept, None)
        if powers is None:
            powers = _powers(rows, own, other, buffer)
        pull = _view(factors, powers.shape)
        torch.mul(shares[own, None], weights[other], out=pull)
        return pull.addcmul_(weights[own, None], shares[other]).mul_(powers)

    return pulls


def _pulls(upstream, rows, weights, values, block_size):
    log_weights = weights.log()
    buffer, buffer_2 = _buffers(rows, block_size, 2)

    def pulls(own, other):
        logits = _product(rows[own], rows[other].T, buffer)
        as_contrast = _view(buffer_2, logits.shape)
        shifts = log_weights[own, None] - values[other]
        torch.add(logits, shifts, out=as_contrast).exp_().mul_(upstream[other])
        logits += log_weights[other] - values[own, None]
        pull = logits.exp_().mul_(upstream[own, None]).add_(as_contrast)
        return pull.fill_diagonal_(0) if own == other else pull

    return pulls


def _powers(rows, own, other, buffer=None):
    """Returns the exponentials of a tile, in a buffer or in memory of their own."""
    bits = _product(rows[own], rows[other].T, buffer, BITS)
    powers = bits.exp2_()
    return powers.fill_diagonal_(0) if own == other else powers


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


def _product(left, right, buffer=None, factor=1.0):
    """Returns a factor times a matrix product, in the memory of a buffer if given."""
    shape = left.shape[0], right.shape[1]
    out = left.new_empty(shape) if buffer is None else _view(buffer, shape)
    return out.addmm_(left, right, beta=0, alpha=factor)


def _view(buffer, shape):
    return buffer[: shape[0] * shape[1]].view(shape)
