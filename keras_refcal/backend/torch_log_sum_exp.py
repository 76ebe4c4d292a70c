"""Log-sum-exp of the similarities to all others, in tiles, on PyTorch.

The matrix of similarities is symmetric: of every pair of blocks of rows one tile is
computed, and serves the rows of both.
"""

import torch

# Tiles of this size stay in the cache, and threads meet seldom.
BLOCK_SIZE = 1024

_TINY = 1e-37


def log_sum_exp_of_others(rows, weights, block_size, bounded):
    """Returns `log Σ_{j≠i} w_j e^{z_i·z_j}` of every row, and the powers or `None`.

    Powers, shape `(N, N)`, are kept for the gradient only where one tile holds them.

    Args:
        rows: Shape `(N, D)`.
        weights: Shape `(N,)`, not negative; they get no gradient.
        block_size: The most rows a block has.
        bounded: Whether no similarity is beyond ±60, so that exponentials need no
            shift.
    """
    if not bounded:
        return _forward(rows, weights, block_size), None
    if len(rows) <= block_size:
        powers = torch.mm(rows, rows.T).exp_().fill_diagonal_(0)
        return torch.mv(powers, weights).clamp_min_(_TINY).log_(), powers
    return _forward_bounded(rows, weights, block_size), None


def gradient(upstream, rows, weights, values, powers, block_size, bounded):
    """Returns the gradient of the values to the rows, shape `(N, D)`."""
    if powers is not None:
        shares = upstream * torch.exp(-values)
        every = slice(None)
        pull = _factors(shares, weights, every, every, torch.empty_like(powers))
        return torch.mm(pull.mul_(powers), rows)
    return _gradient_by_blocks(upstream, rows, weights, values, block_size, bounded)


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


def _gradient_by_blocks(upstream, rows, weights, values, block_size, bounded):
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

    def pulls(logits, own, other, buffer):
        factors = _factors(shares, weights, own, other, _view(buffer, logits.shape))
        return logits.exp_().mul_(factors)

    return pulls


def _factors(shares, weights, own, other, out):
    """Writes `s_i w_j + w_i s_j`: how much a power counts for row i and for row j."""
    torch.mul(shares[own, None], weights[other], out=out)
    return out.addcmul_(weights[own, None], shares[other])


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
