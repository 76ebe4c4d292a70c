"""Refinement terms: what a form adds to the loss of the classifier.

A term is a module, called with unit embeddings `(n, dim)`, class ids `(n,)` and the
classifier's logits `(n, classes)` of the same rows; it returns a scalar in nats.
"""

import math

import torch
from torch import nn
from torch.nn import functional

# The published contrastive loss is scaled by T over this.
BASE_TEMPERATURE = 0.07


def contrast(embeddings, others, contrasts, positives, temperature):
    """Returns `mean of log Σ_a c_ia e^{s_ia} - Σ_p m_ip s_ip / Σ_p m_ip` over anchors.

    Args:
        embeddings: Unit anchors, shape `(n, dim)`.
        others: What they are contrasted with, shape `(m, dim)`.
        contrasts: Factor c of each exponential, 0 for an anchor itself, `(n, m)`.
        positives: Weight m of each positive, `(n, m)`. An anchor without one adds 0.
        temperature: Of the similarities s, a number or shape `(n, 1)`.
    """
    similarity = embeddings @ others.T / temperature
    total = torch.logsumexp(similarity + torch.log(contrasts), dim=1)
    count = positives.sum(1)
    mean = (positives * similarity).sum(1) / count.clamp_min(1e-12)
    return torch.where(count > 0, total - mean, 0.0).mean()


def _pairs(labels):
    """Returns who is another than oneself, and who of them has one's class."""
    others = 1.0 - torch.eye(len(labels))
    return others, others * (labels[:, None] == labels[None, :])


class SupCon(nn.Module):
    """The package's default, the supervised contrastive loss."""

    def __init__(self, counts, dim, temperature):
        super().__init__()
        self.temperature = temperature

    def forward(self, embeddings, labels, logits):
        """Returns the loss."""
        others, same = _pairs(labels)
        value = contrast(embeddings, embeddings, others, same, self.temperature)
        return value * self.temperature / BASE_TEMPERATURE


class SizeTemperature(SupCon):
    """A temperature that follows class size: the smaller the class, the higher.

    T for the largest class, and twice T for a class without images.
    """

    def __init__(self, counts, dim, temperature):
        super().__init__(counts, dim, temperature)
        sizes = torch.as_tensor(counts, dtype=torch.float32)
        self.temperatures = temperature * (2 - (sizes / sizes.max()).sqrt())

    def forward(self, embeddings, labels, logits):
        """Returns the loss."""
        others, same = _pairs(labels)
        return contrast(
            embeddings, embeddings, others, same, self.temperatures[labels][:, None]
        )


class Balanced(nn.Module):
    """BCL: every class counts once in the denominator, and has a learned prototype."""

    def __init__(self, counts, dim, temperature):
        super().__init__()
        self.temperature = temperature
        self.prototypes = nn.Parameter(torch.randn(len(counts), dim) / math.sqrt(dim))

    def forward(self, embeddings, labels, logits, memory=None):
        """Returns the loss; `memory` holds more embeddings and their class ids."""
        prototypes = functional.normalize(self.prototypes, dim=-1)
        ids = [labels, torch.arange(len(prototypes))]
        others = [embeddings, prototypes]
        if memory is not None:
            others, ids = [*others, memory[0]], [*ids, memory[1]]
        others, ids = torch.cat(others), torch.cat(ids)
        alone = torch.ones(len(labels), len(ids)).fill_diagonal_(0.0)
        same = alone * (labels[:, None] == ids[None, :])
        sizes = torch.bincount(ids)[ids].float() - (labels[:, None] == ids).float()
        contrasts = alone / sizes.clamp_min(1.0)
        return contrast(embeddings, others, contrasts, same, self.temperature)


class Memory(Balanced):
    """BCL over a memory of earlier batches, as many rows as there are images.

    So that images of every class are among the contrasts of every step.
    """

    def __init__(self, counts, dim, temperature):
        super().__init__(counts, dim, temperature)
        self.size = int(sum(counts))
        self.rows = torch.empty(0, dim)
        self.ids = torch.empty(0, dtype=torch.int64)

    def forward(self, embeddings, labels, logits):
        """Returns the loss, and remembers the rows."""
        value = super().forward(embeddings, labels, logits, (self.rows, self.ids))
        self.rows = torch.cat([self.rows, embeddings.detach()])[-self.size :]
        self.ids = torch.cat([self.ids, labels])[-self.size :]
        return value


class RightFromWrong(nn.Module):
    """Contrast that knows right from wrong.

    The class that an anchor was taken for is a hard negative, its images weighing
    `1 + hardness` times; positives weigh as much as the classifier believes in them.
    """

    hardness = 4.0

    def __init__(self, counts, dim, temperature):
        super().__init__()
        self.temperature = temperature

    def forward(self, embeddings, labels, logits):
        """Returns the loss."""
        others, same = _pairs(labels)
        taken_for = logits.argmax(1)
        hard = (taken_for != labels)[:, None] & (taken_for[:, None] == labels[None, :])
        belief = logits.softmax(1).gather(1, labels[:, None])[:, 0]
        return contrast(
            embeddings,
            embeddings,
            others * (1 + self.hardness * hard),
            same * belief.clamp_min(1e-3),
            self.temperature,
        )


class Confidence(nn.Module):
    """Right answers more confident than wrong ones, pair by pair.

    Confidence is the log-odds of the answer; a pair costs softplus of how far the
    wrong one is ahead.
    """

    def __init__(self, counts, dim, temperature):
        super().__init__()

    def forward(self, embeddings, labels, logits):
        """Returns the loss, which reads the logits with their gradient."""
        log_p = logits.log_softmax(1)
        confidence, answer = log_p.max(1)
        odds = confidence - torch.log1p(-confidence.exp().clamp_max(1 - 1e-6))
        right = answer == labels
        if right.all() or not right.any():
            return logits.sum() * 0.0
        return functional.softplus(odds[~right][None, :] - odds[right][:, None]).mean()


class VonMisesFisher(nn.Module):
    """ProCo: the contrast with every class's von Mises-Fisher distribution.

    In closed form, `E exp(z·x / T)` over x of a class with mean direction and
    concentration estimated by running means; logits are adjusted by class sizes.
    """

    keep = 0.99

    def __init__(self, counts, dim, temperature):
        super().__init__()
        self.temperature, self.dim = temperature, dim
        sizes = torch.as_tensor(counts, dtype=torch.float32)
        self.log_priors = torch.log(sizes / sizes.sum())
        self.sums = torch.zeros(len(counts), dim)
        self.sizes = torch.zeros(len(counts))

    def forward(self, embeddings, labels, logits):
        """Returns the loss, and learns from the rows."""
        with torch.no_grad():
            self.sums.mul_(self.keep).index_add_(0, labels, embeddings.detach())
            self.sizes.mul_(self.keep)
            self.sizes.index_add_(0, labels, torch.ones(len(labels)))
        return functional.cross_entropy(
            self.scores(embeddings) + self.log_priors, labels
        )

    def scores(self, embeddings):
        """Returns `log E exp(z·x / T)` of each class, shape `(n, classes)`."""
        means = self.sums / self.sizes.clamp_min(1e-6)[:, None]
        length = means.norm(dim=1).clamp(1e-3, 0.99)
        kappa = length * (self.dim - length**2) / (1 - length**2)
        directions = kappa[:, None] * functional.normalize(means, dim=1)
        # |κμ + z/T|² by its parts: z has unit length.
        squared = (
            kappa**2
            + 2 * embeddings @ directions.T / self.temperature
            + self.temperature**-2
        )
        moved = squared.clamp_min(1e-6).sqrt()
        return self._log_normalizer(kappa) - self._log_normalizer(moved)

    def _log_normalizer(self, kappa):
        """Returns `(d/2 - 1) log κ - log I_{d/2-1}(κ)` but for a constant.

        By the uniform expansion of the Bessel function for large orders.
        """
        order = self.dim / 2 - 1
        ratio = kappa / order
        root = torch.sqrt(1 + ratio**2)
        eta = root + torch.log(ratio) - torch.log1p(root)
        first = (3 / root - 5 / root**3) / (24 * order)
        bessel = order * eta - 0.5 * torch.log(root) + torch.log1p(first)
        return order * torch.log(kappa) - bessel


class Instances(nn.Module):
    """SimCLR: the positive is the other view of the same image; needs two views."""

    def __init__(self, counts, dim, temperature):
        super().__init__()
        self.temperature = temperature

    def forward(self, embeddings, labels, logits):
        """Returns the loss."""
        half = len(embeddings) // 2
        return SupCon.forward(self, embeddings, torch.arange(half).repeat(2), logits)


class Agreement(nn.Module):
    """Two views of an image get one answer: symmetric KL between the predictions."""

    def __init__(self, counts, dim, temperature):
        super().__init__()

    def forward(self, embeddings, labels, logits):
        """Returns the divergence, which reads the logits with their gradient."""
        first, second = logits.log_softmax(1).chunk(2)
        return ((first.exp() - second.exp()) * (first - second)).sum(1).mean()


TERMS = {
    "supcon": SupCon,
    "size_temperature": SizeTemperature,
    "bcl": Balanced,
    "memory": Memory,
    "right_from_wrong": RightFromWrong,
    "confidence": Confidence,
    "vmf": VonMisesFisher,
    "simclr": Instances,
    "agreement": Agreement,
}
# Terms that move the classifier through its logits.
OF_LOGITS = ("confidence", "agreement")
