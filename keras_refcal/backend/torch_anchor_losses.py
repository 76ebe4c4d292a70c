"""The supervised contrastive loss of each anchor as one operation, on PyTorch.

Every operation has a cost there that does not depend on its size, and more if a
gradient is recorded for it. On a few hundred rows that cost is most of the loss; so
forward and backward are written out.
"""

import torch

from keras_refcal.backend.torch_log_sum_exp import (
    BLOCK_SIZE,
    gradient,
    log_sum_exp_of_others,
)

# Up to here the sums over classes are quickest as a product with a mask.
_MAX_MASKED_SAMPLES = 512


def anchor_losses(rows, weights, positives, block_size=None, bounded=False):
    """See `xla_anchor_losses`, which is this function in Keras operations."""
    block_size = block_size or BLOCK_SIZE
    if weights is None:
        weights, log_scale = torch.ones_like(rows[:, 0]), 0.0
    else:
        largest = weights.max()
        weights = weights / torch.where(largest > 0, largest, 1)
        log_scale = largest.log()
    if positives.ndim == 1 and len(positives) <= _MAX_MASKED_SAMPLES:
        positives = positives[:, None] == positives
    return _AnchorLosses.apply(rows, weights, log_scale, positives, block_size, bounded)


class _AnchorLosses(torch.autograd.Function):
    @staticmethod
    def forward(ctx, rows, weights, log_scale, positives, block_size, bounded):
        if positives.ndim == 2:
            positives = positives.to(rows.dtype)
        else:
            positives = torch.unique(positives, return_inverse=True)[1]
        total, powers = log_sum_exp_of_others(rows, weights, block_size, bounded)
        weighted = torch.cat([rows, torch.ones_like(rows[:, :1])], 1)
        sums = _sums(positives, weighted.mul_(weights[:, None]))
        sums, count = sums[:, :-1], sums[:, -1]
        shares = torch.where(count > 0, 1 / count, 0)
        ctx.save_for_backward(rows, weights, positives, total, powers, sums, shares)
        ctx.options = block_size, bounded
        mean = (rows * sums).sum(1).mul_(shares)
        return torch.where(count > 0, total + log_scale - mean, 0)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, upstream):
        rows, weights, positives, total, powers, sums, shares = ctx.saved_tensors
        pull = (upstream * shares)[:, None]
        upstream = torch.where(shares > 0, upstream, 0)
        found = gradient(upstream, rows, weights, total, powers, *ctx.options)
        as_positives = _sums(positives.t(), pull * rows)
        found.addcmul_(pull, sums, value=-1)
        found.addcmul_(weights[:, None], as_positives, value=-1)
        return found, None, None, None, None, None


def _sums(positives, table):
    """Returns, for each row, the sum of the table's rows over its positives.

    Args:
        positives: Mask, shape `(B, B)`, or class ids from 0 on, shape `(B,)`.
        table: View after view, shape `(V * B, D)`.
    """
    batch_size, width = len(positives), table.shape[1]
    views = len(table) // batch_size
    of_sample = table.reshape(views, batch_size, width).sum(0)
    if positives.ndim == 2:
        sums = positives @ of_sample
        itself = positives.diagonal().repeat(views)[:, None]
        return sums.repeat(views, 1).addcmul_(itself, table, value=-1)
    of_class = torch.zeros_like(of_sample).index_add_(0, positives, of_sample)
    return of_class[positives].repeat(views, 1).sub_(table)
