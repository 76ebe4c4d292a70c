"""Every loss of `losses.__all__` in float64 NumPy, written from its formula.

Each takes the loss, class ids `(rows,)`, logits or embeddings `(rows, columns)` and
weights `(rows,)`, and returns the reduced loss with Keras' default reduction.
"""

import numpy as np

KERNEL_WIDTH, ZERO_ENTRY = 0.4, 1e-32


def log_softmax(z):
    z = z - z.max(axis=1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=1, keepdims=True))


def one_hot(labels, columns):
    return np.eye(columns)[labels]


def of(q, log_p, factor=1.0):
    """`-Σ q f log p`, in which a class that the label is not adds nothing."""
    return -np.where(q > 0, q * factor * log_p, 0).sum(axis=1)


def cross_entropy(loss, q, z):
    return of(q, log_softmax(z))


def focal(loss, q, z, gamma=None):
    log_p = log_softmax(z)
    gamma = loss.gamma if gamma is None else gamma
    return of(q, log_p, np.maximum(-np.expm1(log_p), 1e-30) ** gamma)


def sample_dependent_focal(loss, q, z):
    p = np.exp(log_softmax(z))
    return focal(loss, q, z, np.where(p < 0.2, 5, np.where(p < 0.5, 3, loss.gamma)))


def adafocal(loss, q, z):
    return focal(loss, q, z, 1.0)  # before its first update


def brier(loss, q, z):
    return ((np.exp(log_softmax(z)) - q) ** 2).sum(axis=1)


def logit_norm(loss, q, z):
    norm = np.sqrt((z**2).sum(axis=1, keepdims=True))
    return cross_entropy(loss, q, z / (norm + 1e-7) / loss.temperature)


def margin_label_smoothing(loss, q, z):
    gap = z.max(axis=1, keepdims=True) - z
    excess = np.maximum(gap - loss.margin, 0).mean(axis=1)
    return cross_entropy(loss, q, z) + loss.alpha * excess


def acls(loss, q, z):
    top = z.max(axis=1, keepdims=True)
    first = (z == top).sum(axis=1) * np.maximum(top[:, 0] - loss.margin, 0) ** 2
    rest = np.where(z < top, np.maximum(top - z - loss.margin, 0) ** 2, 0).sum(axis=1)
    penalty = loss.pos_lambda * first + loss.neg_lambda * rest / (z.shape[1] - 1)
    return cross_entropy(loss, q, z) + loss.alpha * penalty


def ldam(loss, q, z):
    margins = np.asarray(loss.class_counts) ** -0.25
    margins *= loss.max_margin / margins.max()
    return cross_entropy(loss, q, loss.scale * (z - q * margins))


def logit_adjusted(loss, q, z):
    counts = np.asarray(loss.class_counts)
    prior = getattr(loss, "tau", 1.0) * np.log(counts / counts.sum())
    z = z - z.max(axis=1, keepdims=True)
    return cross_entropy(loss, q, z + prior)


def label_aware_smoothing(loss, q, z):
    counts = np.asarray(loss.class_counts)
    place = (counts - counts.min()) / (counts.max() - counts.min())
    spread = loss.smooth_head - loss.smooth_tail
    smoothing = loss.smooth_tail + spread * np.sin(place * np.pi / 2)
    moved = (q * smoothing).sum(axis=1, keepdims=True)
    return of(q * (1 - moved) + moved / z.shape[1], log_softmax(z))


def class_balanced(loss, q, z, w):
    counts = np.asarray(loss.class_counts)
    of_class = (1 - loss.beta) / (1 - loss.beta**counts)
    return average(cross_entropy(loss, q, z), w * (q @ of_class))


def mdca(loss, q, z, w):
    gap = np.exp(log_softmax(z)) - q
    return np.abs(average(gap, w)).mean()


def confidence(z):
    return np.exp(log_softmax(z)).max(axis=1)


def correctness(q, z):
    z = np.where(np.abs(z) < np.finfo("f4").tiny, 0, z)
    return q[np.arange(len(z)), np.argmax(z, axis=1)]


def dca(loss, q, z, w):
    return abs(average(confidence(z) - correctness(q, z), w))


def mmce(loss, q, z, w):
    r, c = confidence(z), correctness(q, z)
    right, wrong = w * c, w * (1 - c)
    if not right.sum() or not wrong.sum():
        return 0.0
    kernel = np.exp(-np.abs(r[:, None] - r) / KERNEL_WIDTH)
    sums = [right.sum(), wrong.sum()]
    parts = [right / sums[0] * (1 - r), -wrong / sums[1] * r]
    square = 1e-10 + sum(
        a @ kernel @ b / (m * n + 1e-5)
        for a, m in zip(parts, sums, strict=True)
        for b, n in zip(parts, sums, strict=True)
    )
    return np.sqrt(max(square, 0))


def auc_margin(loss, q, z, w):
    values = []
    for own, s in zip(q.T, np.exp(log_softmax(z)).T, strict=True):
        weights = w * own, w * (1 - own)
        if all(u.sum() > 0 for u in weights):
            means = [np.average(s, weights=u) for u in weights]
            variances = [
                np.average((s - m) ** 2, weights=u)
                for m, u in zip(means, weights, strict=True)
            ]
            gap = max(0, loss.margin + means[1] - means[0])
            values.append(sum(variances) + gap**2)
    return np.mean(values) if values else 0.0


def correctness_ranking(loss, q, z, w):
    counts = np.asarray(loss.history.correct, "float64")[: len(z)]
    everyone = np.asarray(loss.history.correct, "float64")
    most = max(1.0, np.asarray(loss.history.seen)[: len(z)].max())
    size = most - everyone.min()
    c = (counts - everyone.min()) / size if size else 0 * counts
    r, there = confidence(z), np.flatnonzero(w > 0)
    if not there.size:
        return 0.0
    partner = np.roll(there, -1)
    gap = c[there] - c[partner]
    values = np.abs(gap) - np.sign(gap) * (r[there] - r[partner])
    values = np.where(gap == 0, 0, np.maximum(values, 0))
    return average(values, w[there])


def unit(x):
    x = x.astype("float64")
    largest = np.abs(x).max(axis=1, keepdims=True)
    x = np.where(largest < ZERO_ENTRY, 0, x / np.where(largest > 0, largest, 1))
    return x / np.maximum(np.sqrt((x**2).sum(axis=1, keepdims=True)), 1e-300)


def supervised_contrastive(loss, q, x, w, contrasts=None):
    s = unit(x) @ unit(x).T / loss.temperature
    others = w * ~np.eye(len(x), dtype=bool)
    positives = others * (q @ q.T)
    values = np.zeros(len(x))
    for i in np.flatnonzero(positives.sum(axis=1) > 0):
        total = np.sum(others[i] * np.exp(s[i]))
        values[i] = np.log(total) - np.average(s[i], weights=positives[i])
    return average(values, w) * loss.temperature / loss.base_temperature


def simclr(loss, q, x, w):
    return 0.0  # of one view


def balanced_contrastive(loss, q, x, w):
    prototypes = np.asarray(loss.prototypes.directions, "float64")
    z = np.concatenate([unit(x), unit(prototypes)])
    members = np.concatenate([q, np.eye(len(prototypes))])
    weights = np.concatenate([w, np.ones(len(prototypes))])
    values = np.zeros(len(x))
    for i in range(len(x)):
        others = weights * (np.arange(len(z)) != i)
        s = z[i] @ z.T / loss.temperature
        sizes = others @ members
        total = np.sum(others * (members @ (1 / sizes)) * np.exp(s))
        values[i] = np.log(total) - np.average(s, weights=others * (members @ q[i]))
    return average(values, w)


def refcal(loss, q, z, w):
    log_p = log_softmax(z)
    mean = w[w > 0].mean() if np.any(w > 0) else 0.0
    return (
        np.mean(w * cross_entropy(loss, q, z))
        + loss.calibration_weight * mean * mdca(loss, q, z, relative(w))
        + loss.refinement_weight
        * mean
        * supervised_contrastive(loss.terms["refinement"], q, log_p, relative(w))
    )


def average(values, weights):
    total = weights.sum()
    return np.tensordot(weights, values, 1) / total if total else 0 * values[0]


def relative(w):
    """Returns weights that sum to the effective number of rows."""
    if not np.any(w):
        return w
    w = np.where(w < 1e-30 * w.max(), 0, w) / w.max()
    return w * w.sum() / (w**2).sum()


A_SAMPLE = {
    "ACLSLoss": acls,
    "AdaFocalLoss": adafocal,
    "BalancedSoftmaxLoss": logit_adjusted,
    "BrierLoss": brier,
    "CrossEntropyLoss": cross_entropy,
    "FocalLoss": focal,
    "LDAMLoss": ldam,
    "LabelAwareSmoothingLoss": label_aware_smoothing,
    "LogitAdjustedLoss": logit_adjusted,
    "LogitNormLoss": logit_norm,
    "MarginLabelSmoothingLoss": margin_label_smoothing,
    "SampleDependentFocalLoss": sample_dependent_focal,
}
A_BATCH = {
    "AUCMarginLoss": auc_margin,
    "BalancedContrastiveLoss": balanced_contrastive,
    "ClassBalancedLoss": class_balanced,
    "CorrectnessRankingLoss": correctness_ranking,
    "DCALoss": dca,
    "MDCALoss": mdca,
    "MMCELoss": mmce,
    "SimCLRLoss": simclr,
    "SupervisedContrastiveLoss": supervised_contrastive,
}


def reference(loss, labels, logits, weights):
    """Returns the loss of a batch in float64."""
    name = type(loss).__name__
    z, w = logits.astype("float64"), weights.astype("float64")
    q = one_hot(labels, z.shape[1])
    if name == "RefCalLoss":
        return refcal(loss, q, z, w)
    if name in A_BATCH:
        return A_BATCH[name](loss, q, z, relative(w))
    return np.mean(w * A_SAMPLE[name](loss, q, z))
