"""Histograms of all sizes, averaged by how probable the data make each."""

import math

import numpy as np

from keras_refcal.ops.bins import uniform_edges, weighted_mass_edges

# Of the paper: bins from n^(1/3) / 10 to 10 n^(1/3), a prior worth two samples.
SIZE_FACTOR, PRIOR_SAMPLES = 10, 2.0
NEAREST_TO_CERTAIN = 1e-6


def averaged_histogram(scores, targets, weights, binning, criterion, max_edges):
    """Returns the averaged histogram as a step function of the score.

    Args:
        scores: In [0, 1], shape `(n,)`.
        targets: 0 or 1, shape `(n,)`.
        weights: In samples, shape `(n,)`.
        binning: `"quantile"` or `"uniform"`.
        criterion: `"bdeu"` or `"bic"`.
        max_edges: Of the most probable histograms as many are averaged as have so
            many edges together, one at least.

    Returns:
        Ascending edges, shape `(m,)`, and the value up to and including each edge
        and beyond the last, shape `(m + 1,)`.
    """
    # In order, which makes what every size looks for quick to find.
    order = np.argsort(scores, kind="stable")
    scores, targets, weights = scores[order], targets[order], weights[order]
    total = weights.sum()
    histograms = []
    for num_bins in sizes(total):
        edges = uniform_edges(num_bins)[1:-1]
        if binning == "quantile":
            edges = weighted_mass_edges(scores, weights, num_bins)
        inside = np.searchsorted(edges, scores, side="left")
        mass = np.bincount(inside, weights, num_bins)
        hits = np.bincount(inside, weights * targets, num_bins)
        log_evidence, values = EVIDENCE[criterion](edges, mass, hits)
        histograms.append((log_evidence, edges, values))
    histograms.sort(key=lambda one: -one[0])
    return _average(_kept(histograms, max_edges))


def sizes(total) -> range:
    """Returns the numbers of bins that are tried with so many samples.

    >>> sizes(1000)
    range(1, 101)
    """
    root = np.cbrt(total)
    most = min(math.ceil(total / 5), math.ceil(root * SIZE_FACTOR))
    return range(max(1, int(root / SIZE_FACTOR)), max(most, 1) + 1)


def bdeu(edges, mass, hits):
    """Returns the log marginal likelihood under Beta priors, and the posterior means.

    The prior of a bin has its midpoint as mean; that of all bins together is worth
    two samples.

    Paper: Naeini et al. 2015, https://doi.org/10.1609/aaai.v29i1.9602, eq. 3 and 4.

    Args:
        edges: Inner edges, shape `(B - 1,)`.
        mass: Samples in each bin, shape `(B,)`.
        hits: Those of target 1, shape `(B,)`.
    """
    prior = PRIOR_SAMPLES / len(mass)
    middle = np.clip(_midpoints(edges), NEAREST_TO_CERTAIN, 1 - NEAREST_TO_CERTAIN)
    ones, zeros = prior * middle, prior * (1 - middle)
    log_evidence = sum(
        math.lgamma(prior)
        - math.lgamma(prior + n)
        + math.lgamma(a + m)
        - math.lgamma(a)
        + math.lgamma(b + n - m)
        - math.lgamma(b)
        for n, m, a, b in zip(mass, hits, ones, zeros, strict=True)
        if n > 0
    )
    return log_evidence, (hits + ones) / (mass + prior)


def bic(edges, mass, hits):
    """Returns minus half the BIC, and the frequencies; midpoints in empty bins.

    Args:
        edges: Inner edges, shape `(B - 1,)`.
        mass: Samples in each bin, shape `(B,)`.
        hits: Those of target 1, shape `(B,)`.
    """
    values = np.divide(hits, mass, out=_midpoints(edges), where=mass > 0)
    inner = (values > 0) & (values < 1) & (mass > 0)
    p, n, m = values[inner], mass[inner], hits[inner]
    log_likelihood = np.sum(m * np.log(p) + (n - m) * np.log1p(-p))
    return log_likelihood - len(mass) * np.log(mass.sum()) / 2, values


EVIDENCE = {"bdeu": bdeu, "bic": bic}


def _midpoints(edges):
    ends = np.concatenate([[0.0], edges, [1.0]])
    return (ends[1:] + ends[:-1]) / 2


def _kept(histograms, max_edges):
    kept, edges = [], np.empty(0)
    for one in histograms:
        edges = np.union1d(edges, one[1])
        if kept and len(edges) > max_edges:
            break
        kept.append(one)
    return kept


def _average(histograms):
    best = histograms[0][0]
    shares = np.array([np.exp(one[0] - best) for one in histograms])
    edges = np.unique(np.concatenate([one[1] for one in histograms]))
    places = np.append(edges, np.inf)
    values = sum(
        share * values[np.searchsorted(own, places, side="left")]
        for share, (_, own, values) in zip(shares, histograms, strict=True)
    )
    return edges, values / shares.sum()
