"""The dense forms of the contrastive loss that it is measured against."""

import keras
from keras import ops

VIEWS, DIM, NUM_CLASSES, TEMPERATURE, BASE_TEMPERATURE = 2, 128, 100, 0.1, 0.07


def published(labels, embeddings):
    """The formula of the published code, in PyTorch: N x N masks, logits and more."""
    import torch

    rows = torch.cat(torch.nn.functional.normalize(embeddings, dim=-1).unbind(1))
    mask = torch.eq(labels[:, None], labels[None, :]).float().repeat(VIEWS, VIEWS)
    others = 1 - torch.eye(len(rows), device=rows.device)
    logits = rows @ rows.T / TEMPERATURE
    # The row's maximum includes the similarity to itself.
    logits = logits - logits.max(dim=1, keepdim=True).values.detach()
    mask = mask * others
    powers = torch.exp(logits) * others
    log_softmax = logits - torch.log(powers.sum(1, keepdim=True))
    mean = (mask * log_softmax).sum(1) / mask.sum(1)
    return -(TEMPERATURE / BASE_TEMPERATURE) * mean.mean()


class Dense(keras.losses.Loss):
    """The same formula in Keras operations."""

    def call(self, labels, embeddings):
        rows = ops.reshape(ops.transpose(embeddings, (1, 0, 2)), (-1, DIM))
        rows = ops.normalize(rows, axis=-1)
        classes = ops.tile(labels, (VIEWS,))
        others = 1 - ops.eye(rows.shape[0])
        mask = ops.cast(classes[:, None] == classes[None, :], "float32") * others
        logits = ops.matmul(rows, ops.transpose(rows)) / TEMPERATURE
        logits = logits - ops.stop_gradient(ops.max(logits, axis=1, keepdims=True))
        total = ops.sum(ops.exp(logits) * others, axis=1, keepdims=True)
        log_softmax = logits - ops.log(total)
        mean = ops.sum(mask * log_softmax, axis=1) / ops.sum(mask, axis=1)
        return -(TEMPERATURE / BASE_TEMPERATURE) * mean
