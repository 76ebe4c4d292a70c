"""Views one after another, scaled to a length, as one operation on PyTorch."""

import torch

MIN_NORM = 1e-6


def unit_rows(embeddings, length=1.0):
    """See `xla_unit_rows`, which is this function in Keras operations."""
    return _UnitRows.apply(embeddings, length)


class _UnitRows(torch.autograd.Function):
    @staticmethod
    def forward(ctx, embeddings, length):
        views = embeddings.transpose(0, 1) if embeddings.ndim == 3 else embeddings
        norm = torch.linalg.vector_norm(views, dim=-1, keepdim=True)
        scale = length / norm.clamp_min(MIN_NORM)
        rows = torch.empty(views.shape, dtype=views.dtype, device=views.device)
        torch.mul(views, scale, out=rows)
        ctx.save_for_backward(rows, norm, scale)
        ctx.length = length
        return rows.view(-1, rows.shape[-1])

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, upstream):
        rows, norm, scale = ctx.saved_tensors
        upstream = upstream.view(rows.shape)
        along = (upstream * rows).sum(-1, keepdim=True).mul_(scale)
        along = torch.where(norm > MIN_NORM, along, 0).div_(ctx.length**2)
        gradient = (upstream * scale).addcmul_(rows, along, value=-1)
        return gradient.transpose(0, 1) if rows.ndim == 3 else gradient, None
