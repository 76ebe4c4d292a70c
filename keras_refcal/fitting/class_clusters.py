"""Clusters of classes whose conformal scores are spread alike.

Ding et al., 2023, https://arxiv.org/abs/2306.09335.
"""

import math

import numpy as np

from keras_refcal.fitting.conformal import fewest_samples

# Quantiles of the scores of a class that say where it belongs.
QUANTILES = (0.5, 0.6, 0.7, 0.8, 0.9)
SALT = (2306, 9335)
RESTARTS = 10
STEPS = 100


def class_clusters(scores, labels, num_classes, coverage, clusters=None, seed=0):
    """Returns which classes share a threshold, and which samples may set it.

    Classes are embedded by quantiles of the scores of one part of their samples and
    clustered by k-means, each weighted by the root of its samples. Thresholds must be
    set by the other part: samples that chose their cluster are not exchangeable with
    those to come. How large the parts are and how many clusters there are follows the
    published rule of thumb.

    Args:
        scores: Of the true classes of n validation samples.
        labels: Class ids, shape `(n,)`.
        num_classes: Number of classes K.
        coverage: Number in (0, 1).
        clusters: Number of clusters; `None` for the published rule.
        seed: Seed of the parts and of k-means.

    Returns:
        Cluster of each class, -1 for those with too few samples, shape `(K,)`; and
        booleans of the samples that are left for thresholds, shape `(n,)`.
    """
    counts = np.bincount(labels, minlength=num_classes)
    many = counts >= fewest_samples(coverage)
    cluster_of, rest = np.full(num_classes, -1), np.ones(len(labels), bool)
    if many.sum() < 2:
        return cluster_of, rest
    fewest = counts[many].min()
    share = many.sum() / (75 + many.sum())
    if clusters is None:
        clusters = max(1, int(fewest * share) // 2)
    # Not the stream that simulated labels may come from.
    generator = np.random.default_rng([*SALT, seed])
    rest = generator.random(len(labels)) >= share
    embedded = {}
    for label in np.flatnonzero(many):
        own = np.sort(scores[~rest & (labels == label)])
        if len(own):
            places = [math.ceil(len(own) * share) - 1 for share in QUANTILES]
            embedded[label] = (own[places], math.sqrt(len(own)))
    points, weights = (np.array(x) for x in zip(*embedded.values(), strict=True))
    found = k_means(points, weights, min(clusters, len(points)), generator)
    cluster_of[list(embedded)] = found
    return cluster_of, rest


def conditions_of_clusters(
    scores, labels, num_classes, coverage, clusters=None, seed=0
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Returns the classes of each cluster, and the samples that set its threshold.

    Classes of too few samples share the threshold of all samples that are left.

    Args:
        scores: See `class_clusters`, as for the others.
        labels: Class ids, shape `(n,)`.
        num_classes: Number of classes K.
        coverage: Number in (0, 1).
        clusters: Number of clusters or `None`.
        seed: Seed of the parts and of k-means.
    """
    cluster_of, rest = class_clusters(
        scores, labels, num_classes, coverage, clusters, seed
    )
    found = []
    for cluster in np.unique(cluster_of):
        members = cluster_of == cluster
        found.append((members, rest if cluster < 0 else rest & members[labels]))
    return found


def k_means(points, weights, clusters, generator) -> np.ndarray:
    """Returns the cluster of each point, the best of some starts.

    Args:
        points: Shape `(m, d)`.
        weights: Positive, shape `(m,)`.
        clusters: m or fewer.
        generator: `np.random.Generator` of the starts.
    """
    best, least = None, np.inf
    for _ in range(RESTARTS):
        start = generator.choice(len(points), clusters, replace=False)
        found, cost = _lloyd(points, weights, points[start])
        if cost < least:
            best, least = found, cost
    return best


def _lloyd(points, weights, centres):
    for _ in range(STEPS):
        distances = np.sum((points[:, None] - centres) ** 2, axis=2)
        found = np.argmin(distances, axis=1)
        members = (found[:, None] == np.arange(len(centres))) * weights[:, None]
        total = members.sum(axis=0)[:, None]
        moved = np.where(
            total > 0, members.T @ points / np.maximum(total, 1e-300), centres
        )
        if np.allclose(moved, centres):
            break
        centres = moved
    return found, np.sum(weights * distances[np.arange(len(points)), found])
