"""One training of a form: seeds, batches, steps."""

import contextlib
import math
import time

import numpy as np
import torch
from torch.nn import functional

from benchmarks.refinement_term.contrast import OF_LOGITS, TERMS
from benchmarks.refinement_term.network import EMBEDDING, Network, outputs
from benchmarks.refinement_term.views import view

WARM_UP = 0.05


def clock():
    """Returns seconds of computation: the processor's, or a GPU's when it has done."""
    if torch.get_default_device().type != "cuda":
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()


class Training:
    """A form in training on the images of a seed.

    Initial weights, the order of the images and their views are those of the seed
    alone: two forms of as many views an image see the same.
    """

    def __init__(self, arena, form, images, seed):
        self.arena, self.form = arena, form
        self.images, self.labels = images.train
        counts = torch.as_tensor(arena.counts)
        self.log_priors = torch.log(counts / counts.sum())
        if form.classifier == "cross_entropy":
            self.log_priors = torch.zeros(len(counts))
        self.network = Network(arena, self.images.shape[1], len(counts), seed)
        self.term = None
        if form.term != "none":
            on_features = form.on == "features"
            size = arena.widths[-1] if on_features else EMBEDDING
            self.term = TERMS[form.term](counts, size, form.temperature)
        parameters = [*self.network.parameters()]
        parameters += [] if self.term is None else [*self.term.parameters()]
        self.optimizer = torch.optim.SGD(
            parameters,
            arena.learning_rate,
            momentum=0.9,
            nesterov=True,
            weight_decay=arena.decay,
            foreach=True,
        )
        halves = 2 if form.mixup else 1
        self.distinct = arena.rows // (form.views * halves)
        passes = 2 if form.sam else 1
        self.steps = arena.steps(form.length, arena.rows * passes)
        self.order = np.random.default_rng(seed)
        device = torch.get_default_device()
        self.network.to(device)
        self.generator = torch.Generator(device).manual_seed(seed)
        self.waiting = np.empty(0, "int64")
        self.average = None
        self.noise = None
        self.done = 0

    def run(self):
        """Takes all steps; returns the seconds of computation."""
        start = clock()
        while self.done < self.steps:
            self.step()
        self._finish()
        return clock() - start

    def step(self):
        """Takes one step."""
        progress = self.done / self.steps
        rate = min(1.0, (progress + 1 / self.steps) / WARM_UP)
        rate *= 0.5 * (1 + math.cos(math.pi * progress))
        for group in self.optimizer.param_groups:
            group["lr"] = self.arena.learning_rate * rate
        self.network.train()
        batch = self._batch()
        self._backward(batch, progress)
        if self.form.sam:
            with self._perturbed():
                self._backward(batch, progress)
        self.optimizer.step()
        self.done += 1
        if self.form.average:
            self._add_to_average()

    def _backward(self, batch, progress):
        self.optimizer.zero_grad()
        self._loss(batch, progress).backward()

    def _batch(self):
        """Returns the views and labels of the next images."""
        while len(self.waiting) < self.distinct:
            more = self.order.permutation(len(self.labels))
            self.waiting = np.concatenate([self.waiting, more])
        taken, self.waiting = np.split(self.waiting, [self.distinct])
        taken = torch.from_numpy(taken).to(self.images.device)
        images, labels = self.images[taken], self.labels[taken]
        others = self.form.contrasted or self.form.view
        kinds = [self.form.view] + [others] * (self.form.views - 1)
        views = [view(images, kind, self.generator) for kind in kinds]
        if self.form.mixup:
            views.append(view(images, self.form.view, self.generator))
        return views, labels

    def _loss(self, batch, progress):
        form, (views, labels) = self.form, batch
        if form.mixup:
            share = float(self.order.beta(10, 10))
            mixed = share * views[-1] + (1 - share) * views[-1].roll(1, 0)
            views = [*views[:-1], mixed]
        contrast_only = self.term is not None and progress < form.first
        frozen = form.freeze and not contrast_only
        self.network.encoder.requires_grad_(not frozen)
        if frozen:
            self.network.encoder.eval()
        logits, embeddings, features = self.network(torch.cat(views))
        if form.on == "features":
            embeddings = functional.normalize(features, dim=-1)
        count = len(labels)
        loss = 0.0
        if not contrast_only:
            classified = 1 if form.views == 3 else form.views
            plain = logits[: classified * count] + self.log_priors
            loss = functional.cross_entropy(plain, labels.repeat(classified))
            if form.mixup:
                loss = loss + form.mixup * self._mixed_loss(
                    logits[-count:], labels, share
                )
        if self.term is not None and not frozen:
            loss = loss + self._weight(progress) * self._term(
                logits, embeddings, labels
            )
        return loss

    def _weight(self, progress):
        falling = self.form.schedule == "falling"
        return self.form.weight * ((1 - progress) if falling else 1.0)

    def _mixed_loss(self, logits, labels, share):
        logits = logits + self.log_priors
        own = functional.cross_entropy(logits, labels)
        other = functional.cross_entropy(logits, labels.roll(1, 0))
        return share * own + (1 - share) * other

    def _term(self, logits, embeddings, labels):
        count, views = len(labels), self.form.views
        rows = slice(count, 3 * count) if views == 3 else slice(0, views * count)
        if self.form.term not in OF_LOGITS:
            logits = logits.detach()
        if self.form.term == "agreement":
            # As the classifier's loss has them: else raising the tail's logits, which
            # the priors hide from that loss, is the cheapest way to agree.
            logits = logits + self.log_priors
        ids = labels.repeat(min(views, 2))
        return self.term(embeddings[rows], ids, logits[rows])

    @contextlib.contextmanager
    def _perturbed(self):
        """Moves the weights uphill, to the sharpest point nearby, and back."""
        weights = [p for p in self.network.parameters() if p.grad is not None]
        ways = [p.grad.clone() for p in weights]
        if self.form.friendly:
            if self.noise is None:
                self.noise = [torch.zeros_like(way) for way in ways]
            for mean, way in zip(self.noise, ways, strict=True):
                mean.mul_(0.9).add_(way, alpha=0.1)
                way.sub_(mean)
        norm = torch.stack([way.norm() for way in ways]).norm() + 1e-12
        moves = [self.form.sam / norm * way for way in ways]
        with torch.no_grad():
            torch._foreach_add_(weights, moves)
        yield
        with torch.no_grad():
            torch._foreach_sub_(weights, moves)

    @torch.no_grad()
    def _add_to_average(self):
        weights = [*self.network.parameters()]
        if self.average is None:
            self.average = [weight.detach().clone() for weight in weights]
        torch._foreach_lerp_(self.average, weights, 1 - self.form.average)

    @torch.no_grad()
    def _finish(self):
        """Puts the average in place, and computes its batch statistics anew."""
        if self.average is None:
            return
        for weight, mean in zip(self.network.parameters(), self.average, strict=True):
            weight.copy_(mean)
        norms = [
            m for m in self.network.modules() if isinstance(m, torch.nn.BatchNorm2d)
        ]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None
        self.network.train()
        for _ in range(20):
            views, _ = self._batch()
            self.network(torch.cat(views))

    def predictions(self, images):
        """Returns arrays: logits, and cosines with the mean of each training class."""
        _, _, features = outputs(self.network, self.images)
        means = torch.zeros(len(self.log_priors), features.shape[1])
        means = functional.normalize(means.index_add(0, self.labels, features), dim=1)
        logits, _, features = outputs(self.network, images)
        found = {"logits": logits, "cosines": features @ means.T}
        return {name: values.cpu().numpy() for name, values in found.items()}
