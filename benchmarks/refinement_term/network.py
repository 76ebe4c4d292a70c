"""The network of the arenas: convolutions, a classifier and a projection head."""

import torch
from torch import nn
from torch.nn import functional

EMBEDDING = 64


class Network(nn.Module):
    """Returns logits, unit embeddings and features of a batch of images.

    The projection head comes after the rest, so that a seed starts the encoder and the
    classifier alike with and without it.
    """

    def __init__(self, arena, channels, num_classes, seed):
        super().__init__()
        torch.manual_seed(seed)
        blocks = []
        for width, stride in zip(arena.widths, arena.strides, strict=True):
            blocks += [
                nn.Conv2d(channels, width, 3, stride, 1, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(inplace=True),
            ]
            nn.init.kaiming_normal_(blocks[-3].weight, nonlinearity="relu")
            channels = width
        self.encoder = nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classifier = nn.Linear(channels, num_classes)
        self.projection = nn.Sequential(
            nn.Linear(channels, channels), nn.ReLU(), nn.Linear(channels, EMBEDDING)
        )
        self.bfloat16 = arena.bfloat16
        self.to(memory_format=torch.channels_last)

    def forward(self, images):
        """Returns logits, embeddings and features, in float32."""
        images = images.contiguous(memory_format=torch.channels_last)
        with torch.autocast(images.device.type, torch.bfloat16, enabled=self.bfloat16):
            features = self.encoder(images)
        features = features.float()
        embeddings = functional.normalize(self.projection(features), dim=-1)
        return self.classifier(features), embeddings, features


@torch.no_grad()
def outputs(network, images, rows=1000):
    """Returns logits, embeddings and unit features as at inference."""
    network.eval()
    parts = [network(images[i : i + rows]) for i in range(0, len(images), rows)]
    logits, embeddings, features = (
        torch.cat(part) for part in zip(*parts, strict=True)
    )
    return logits, embeddings, functional.normalize(features, dim=-1)
