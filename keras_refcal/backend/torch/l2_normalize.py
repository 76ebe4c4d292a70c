"""Views one after another, scaled to a length, as one operation on PyTorch."""

import torch

from keras_refcal.backend.l2_normalize import MIN_ENTRY


def l2_normalized_rows(embeddings, length=1.0):
    """See `backend.l2_normalize`, which is this function in Keras operations."""
    return _L2NormalizedRows.apply(embeddings, length)


class _L2NormalizedRows(torch.autograd.Function):
    @staticmethod
    def forward(ctx, embeddings, length):
        views = embeddings.transpose(0, 1) if embeddings.ndim == 3 else embeddings
        unit = torch.linalg.vector_norm(views, torch.inf, dim=-1, keepdim=True)
        # Over infinity, all of a row is 0, and so is its gradient.
        unit = unit.masked_fill_(unit < MIN_ENTRY, torch.inf)
        rows = torch.empty(views.shape, dtype=views.dtype, device=views.device)
        torch.div(views, unit, out=rows)
        norm = torch.linalg.vector_norm(rows, dim=-1, keepdim=True).clamp_min_(1)
        rows.mul_(length / norm)
        ctx.save_for_backward(rows, unit, norm)
        ctx.length = length
        return rows.view(-1, rows.shape[-1])

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, upstream):
        rows, unit, norm = ctx.saved_tensors
        upstream = upstream.view(rows.shape) * ctx.length
        along = (upstream * rows).sum(-1, keepdim=True).div_(-(ctx.length**2))
        gradient = torch.addcmul(upstream, rows, along).div_(norm).div_(unit)
        return gradient.transpose(0, 1) if rows.ndim == 3 else gradient, None
