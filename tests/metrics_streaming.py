"""Feeds predictions to a metric batch by batch."""

import numpy as np


def stream(metric, labels, predictions, batch_size=64, weight=None):
    """Returns the result after all batches, as a float or a mapping of floats."""
    for start in range(0, len(labels), batch_size):
        rows = slice(start, start + batch_size)
        weights = None if weight is None else weight[rows]
        metric.update_state(labels[rows], predictions[rows], weights)
    return value(metric.result())


def stream_padded(metric, labels, predictions, batch_size=256):
    """As `stream`, in batches of one shape, filled up with rows of weight 0."""
    short = -len(labels) % batch_size
    weight = np.append(np.ones(len(labels), "float32"), np.zeros(short, "float32"))
    labels = np.append(labels, np.zeros(short, labels.dtype))
    rows = np.full((short, *predictions.shape[1:]), np.nan, predictions.dtype)
    predictions = np.concatenate([predictions, rows])
    return stream(metric, labels, predictions, batch_size, weight)


def value(result):
    """Returns a result as a float or a mapping of floats."""
    if isinstance(result, dict):
        return {name: float(entry) for name, entry in result.items()}
    return float(result)


def exact_name(metric):
    """Returns what `evaluation.evaluate` calls the figure of a metric."""
    return {
        "adaptive_calibration_error": "ace",
        "area_under_risk_coverage": "aurc",
        "brier_score": "brier",
        "expected_calibration_error": "ece",
        "false_positive_rate_at_recall": "fpr_at_95_recall",
        "maximum_calibration_error": "mce",
        "multiclass_auroc": "refinement",
        "negative_log_likelihood": "nll",
        "smooth_calibration_error": "smece",
        "static_calibration_error": "classwise_ece",
        "thresholded_adaptive_calibration_error": "tace",
    }.get(metric.name, metric.name)


def long_tailed(seed, num_samples, num_classes, sharpness=3.0):
    """Returns labels and float32 probabilities of an overconfident classifier."""
    generator = np.random.default_rng(seed)
    share = 0.1 ** (np.arange(num_classes) / max(num_classes - 1, 1))
    labels = generator.choice(num_classes, num_samples, p=share / share.sum())
    logits = generator.normal(size=(num_samples, num_classes))
    logits[np.arange(num_samples), labels] += 1.5
    odds = np.exp(sharpness * (logits - logits.max(axis=1, keepdims=True)))
    return labels, (odds / odds.sum(axis=1, keepdims=True)).astype("float32")
