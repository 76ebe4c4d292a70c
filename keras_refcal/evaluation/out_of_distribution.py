"""How well confidence tells data of training's kind from others."""

import numpy as np

from keras_refcal.evaluation.inputs import row_chunks
from keras_refcal.evaluation.ranking import binary_auroc
from keras_refcal.evaluation.selective import (
    false_positive_rate_at_recall,
    precision_recall_area,
)
from keras_refcal.validation import check_positive


def confidence_scores(logits, temperature=1.0) -> dict[str, np.ndarray]:
    """Returns scores that are high for data like those of training.

    - `msp`: the largest softmax probability
      ([Hendrycks and Gimpel, 2017](https://arxiv.org/abs/1610.02136)).
    - `max_logit`: the largest logit
      ([Hendrycks et al., 2022](https://arxiv.org/abs/1911.11132)).
    - `energy`: `T log Σ exp(logit / T)`, the negative free energy
      ([Liu et al., 2020](https://arxiv.org/abs/2010.03759)).
    - `entropy`: minus the entropy of the softmax, in nats.

    Args:
        logits: Shape `(n, num_classes)`.
        temperature: Positive T, which divides the logits of the softmax and of the
            energy.

    Returns:
        One array of shape `(n,)` a score.

    Raises:
        ValueError: If an argument does not fit.

    >>> scores = confidence_scores([[2.0, 0.0], [0.5, 0.5]])
    >>> [round(float(x), 3) for x in scores["energy"]]
    [2.127, 1.193]
    """
    check_positive("temperature", temperature)
    logits = np.asarray(logits)
    if logits.ndim != 2 or 0 in logits.shape or not np.all(np.isfinite(logits)):
        raise ValueError(
            "`logits` must be finite numbers of shape (n, num_classes), one row or "
            f"more. Received shape: {logits.shape}"
        )
    scores = {
        name: np.empty(len(logits))
        for name in ("msp", "max_logit", "energy", "entropy")
    }
    for rows in row_chunks(logits):
        block = logits[rows].astype("float64")
        highest = block.max(axis=1)
        scaled = (block - highest[:, None]) / temperature
        exponents = np.exp(scaled)
        total = exponents.sum(axis=1)
        scores["msp"][rows] = 1 / total
        scores["max_logit"][rows] = highest
        scores["energy"][rows] = highest + temperature * np.log(total)
        mean_logit = (exponents * scaled).sum(axis=1) / total
        scores["entropy"][rows] = mean_logit - np.log(total)
    return scores


def out_of_distribution(
    in_logits, out_logits, temperature=1.0
) -> dict[str, dict[str, float]]:
    """Returns how well each score tells the two sets of data apart.

    Data of training's kind are the positives: CIFAR-100's test set against CIFAR-10's,
    say. Args and errors are those of `confidence_scores`.

    Args:
        in_logits: Logits of data like those of training, `(n, num_classes)`.
        out_logits: Logits of others, `(m, num_classes)`.
        temperature: Positive number that divides logits.

    Returns:
        For each score `auroc`, `fpr95` (the share of other data that is accepted where
        95 % of the positives are) and `aupr`, fractions.

    >>> result = out_of_distribution([[9.0, 0.0], [0.0, 5.0]], [[1.0, 0.0], [0.0, 6.0]])
    >>> result["msp"]["auroc"]
    0.75
    """
    inside = confidence_scores(in_logits, temperature)
    outside = confidence_scores(out_logits, temperature)
    results = {}
    for name in inside:
        scores = np.concatenate([inside[name], outside[name]])
        positive = np.arange(len(scores)) < len(inside[name])
        results[name] = {
            "auroc": binary_auroc(positive, scores),
            "fpr95": false_positive_rate_at_recall(positive, scores),
            "aupr": precision_recall_area(positive, scores),
        }
    return results
