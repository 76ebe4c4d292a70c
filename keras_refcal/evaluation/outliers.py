"""How well confidence tells data of training's kind from others."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from keras_refcal.evaluation.ranking import binary_auroc
from keras_refcal.evaluation.selective import (
    false_positive_rate_at_recall,
    precision_recall_area,
)
from keras_refcal.predictions import as_outputs, two_columns
from keras_refcal.predictions.log_odds import LogOdds
from keras_refcal.validation import check_positive


def confidence_scores(
    logits: ArrayLike, temperature: float = 1.0
) -> dict[str, np.ndarray]:
    """Returns scores that are high for data like those of training.

    - `msp`: the largest softmax probability
      ([Hendrycks and Gimpel, 2017](https://arxiv.org/abs/1610.02136)).
    - `max_logit`: the largest logit
      ([Hendrycks et al., 2022](https://arxiv.org/abs/1911.11132)).
    - `energy`: `T log Σ exp(logit / T)`, the negative free energy
      ([Liu et al., 2020](https://arxiv.org/abs/2010.03759)).
    - `entropy`: minus the entropy of the softmax, in nats.

    Args:
        logits: Shape `(n, num_classes)`; `(n,)` or `(n, 1)` for two classes.
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
    scores = _ranking_scores("logits", logits, temperature)
    probability = 1 / (1 + np.exp(-scores["msp"]))
    return scores | {"msp": probability, "entropy": -np.exp(-scores["entropy"])}


def out_of_distribution(
    in_logits: Any, out_logits: Any, temperature: float = 1.0
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
    inside = _ranking_scores("in_logits", in_logits, temperature)
    outside = _ranking_scores("out_logits", out_logits, temperature)
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


def _ranking_scores(name, logits, temperature):
    """Returns the scores: `msp` as log-odds, minus the logarithm of the entropy.

    They order samples as the scores do, and go on where those are rounded.
    """
    check_positive("temperature", temperature)
    logits = two_columns(as_outputs(name, logits), from_logits=True)
    highest = logits.max(axis=1).astype("float64")
    odds = LogOdds(logits.astype("float64") / temperature)
    return {
        "msp": odds.of_predicted,
        "max_logit": highest,
        # logsumexp is the largest logit less the log-probability of its class.
        "energy": highest + temperature * np.logaddexp(0.0, -odds.of_predicted),
        "entropy": -odds.log_entropy(),
    }
