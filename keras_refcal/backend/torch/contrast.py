"""The supervised contrastive loss of each anchor as one operation, on PyTorch.

Every operation has a cost there that does not depend on its size, and more if a
gradient is recorded for it. On a few hundred rows that cost is most of the loss; so
forward and backward are written out, once for a batch whose similarities are one small
table and once for any batch, in tiles.
"""

import torch

from keras_refcal.backend.tiles import SOFT_ROUNDING
from keras_refcal.backend.torch.log_sum_exp import (
    BITS,
    BLOCK_SIZE,
    TINY,
    gradient,
    log_sum_exp_of_others,
)


def anchor_losses(rows, weights, positives, block_size=None, bounded=False):
    """See `backend.contrast`, which is this function in Keras operations."""
    block_size = block_size or BLOCK_SIZE
    if weights is None:
        weights, log_scale = torch.ones_like(rows[:, 0]), 0.0
    else:
        largest = weights.max()
        weights = weights / torch.where(largest > 0, largest, 1)
        log_scale = largest.log()
    if bounded and len(rows) <= block_size:
        return _OfOneTable.apply(rows, weights, log_scale, positives)
    return _InTiles.apply(rows, weights, log_scale, positives, block_size, bounded)


class _OfOneTable(torch.autograd.Function):
    @staticmethod
    def forward(ctx, rows, weights, log_scale, positives):
        ctx.symmetric = positives.dtype != torch.bool
        views = len(rows) // len(positives)
        if positives.ndim == 1:
            mask = positives.repeat(views)
            mask = mask[:, None] == mask
        else:
            mask = positives @ positives.T if ctx.symmetric else positives
            mask = mask.repeat(views, views)
        mask = mask.to(rows.dtype).fill_diagonal_(0)
        shares = _inverse(torch.mv(mask, weights))
        bits = torch.empty_like(mask).addmm_(rows, rows.T, beta=0, alpha=BITS)
        mean = torch.mv(mask * bits, weights).mul_(shares / BITS)
        powers = bits.exp2_().fill_diagonal_(0)
        total = torch.mv(powers, weights).clamp_min_(TINY)
        ctx.save_for_backward(rows, weights, mask, shares, powers, total)
        return torch.where(shares > 0, total.log() + log_scale - mean, 0)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, upstream):
        rows, weights, mask, shares, powers, total = ctx.saved_tensors
        anchor, positive = upstream / total, upstream * shares
        anchor = torch.where(shares > 0, anchor, 0)
        pull = torch.outer(anchor, weights).addr_(weights, anchor).mul_(powers)
        pull.addcmul_(mask, torch.outer(positive, weights), value=-1)
        as_contrasts = mask if ctx.symmetric else mask.T
        pull.addcmul_(as_contrasts, torch.outer(weights, positive), value=-1)
        return torch.mm(pull, rows), None, None, None


class _InTiles(torch.autograd.Function):
    @staticmethod
    def forward(ctx, rows, weights, log_scale, positives, block_size, bounded):
        if positives.ndim == 1:
            positives = torch.unique(positives, return_inverse=True)[1]
        total, kept = log_sum_exp_of_others(
            rows, weights, block_size, bounded, keep=ctx.needs_input_grad[0]
        )
        weighted = torch.cat([rows, torch.ones_like(rows[:, :1])], 1)
        sums = _sums(positives, weighted.mul_(weights[:, None]))
        sums, count = sums[:, :-1], sums[:, -1]
        if _is_soft(positives):
            # What is left of a difference of fractions if there is no other.
            own = (positives * positives).sum(1).repeat(len(rows) // len(positives))
            own.mul_(weights)
            count = torch.where(count > SOFT_ROUNDING * (count + own), count, 0)
        shares = _inverse(count)
        ctx.save_for_backward(rows, weights, positives, total, sums, shares, *kept)
        ctx.options = block_size, bounded
        mean = (rows * sums).sum(1).mul_(shares)
        return torch.where(shares > 0, total + log_scale - mean, 0)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, upstream):
        rows, weights, positives, total, sums, shares, *kept = ctx.saved_tensors
        pull = (upstream * shares)[:, None]
        upstream = torch.where(shares > 0, upstream, 0)
        found = gradient(upstream, rows, weights, total, kept, *ctx.options)
        others = positives.T if positives.dtype == torch.bool else positives
        as_positives = _sums(others, pull * rows)
        found.addcmul_(pull, sums, value=-1)
        found.addcmul_(weights[:, None], as_positives, value=-1)
        return found, None, None, None, None, None


def _inverse(count):
    """Returns 1 over a number of positives, and 0 where there is none."""
    return torch.where(count > 0, 1 / count, 0)


def _is_soft(positives):
    return positives.ndim == 2 and positives.dtype != torch.bool


def _sums(positives, table):
    """Returns, for each row, the sum of the table's rows over its positives.

    Args:
        positives: Boolean mask, shape `(B, B)`; or class ids from 0 on, shape
            `(B,)`; or rows of probabilities, shape `(B, C)`.
        table: View after view, shape `(V * B, D)`.
    """
    views = table.view(-1, len(positives), table.shape[1])
    of_sample = views.sum(0)
    if _is_soft(positives):
        itself = (positives * positives).sum(1)[:, None]
        sums = positives @ (positives.T @ of_sample)
        sums = torch.addcmul(sums, itself, views, value=-1)
    elif positives.ndim == 2:
        mask = positives.to(table.dtype)
        itself = mask.diagonal()[:, None]
        sums = torch.addcmul(mask @ of_sample, itself, views, value=-1)
    else:
        of_class = torch.zeros_like(of_sample).index_add_(0, positives, of_sample)
        sums = of_class[positives] - views
    return sums.view_as(table)
