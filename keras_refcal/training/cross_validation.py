"""Compares calibrators by cross-validation."""

import dataclasses
import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from keras import ops

from keras_refcal import layers
from keras_refcal.evaluation.calibration import top_label_counts
from keras_refcal.fitting.validation_set import (
    folds_of,
    mean_and_error,
    sample_shares,
)
from keras_refcal.ops.calibration_error import expected_error
from keras_refcal.ops.labels import MIN_PROBABILITY
from keras_refcal.predictions import as_predictions


class Method(NamedTuple):
    """A calibrator to compare.

    Attributes:
        layer: Its class; `None` stands for the identity.
        fitted_numbers: Function of the number of classes: how many numbers it fits. A
            table of frequencies counts as 15 a class, a structured map as one: its
            penalty leaves free what the data ask for.
        needs_counts: Whether it takes the training samples of each class.
    """

    layer: type | None
    fitted_numbers: Callable[[int], int]
    needs_counts: bool = False


# From simple to rich: the first of equals is taken.
METHODS = {
    "identity": Method(None, lambda k: 0),
    "temperature": Method(layers.TemperatureScaling, lambda k: 1),
    "laplace_temperature": Method(layers.LaplaceTemperatureScaling, lambda k: 1),
    "ensemble_temperature": Method(layers.EnsembleTemperatureScaling, lambda k: 3),
    "class_aware_temperature": Method(
        layers.ClassDistributionAwareTemperature, lambda k: 2, needs_counts=True
    ),
    "group_temperature": Method(
        layers.GroupTemperatureScaling, lambda k: 3, needs_counts=True
    ),
    "structured_vector": Method(layers.StructuredVectorScaling, lambda k: 1),
    "vector": Method(layers.VectorScaling, lambda k: 2 * k),
    "beta": Method(layers.BetaCalibration, lambda k: 3 * k),
    "structured_matrix": Method(layers.StructuredMatrixScaling, lambda k: 1),
    "dirichlet": Method(layers.DirichletCalibration, lambda k: k * (k + 1)),
    "histogram": Method(layers.HistogramBinning, lambda k: 15 * k),
    "isotonic": Method(layers.IsotonicCalibration, lambda k: 15 * k),
    "venn_abers": Method(layers.VennAbersCalibration, lambda k: 15 * k),
    "bayesian_binning": Method(layers.BayesianBinning, lambda k: 15 * k),
}
COLUMNS = ("nll", "brier", "ece")


@dataclasses.dataclass(frozen=True)
class Comparison:
    """What cross-validation said.

    Attributes:
        best: The first of `METHODS`, so the one of fewest numbers, whose mean negative
            log-likelihood is within one standard error of the least one and no greater
            than that of one temperature. The error is that of the mean difference,
            sample by sample.
        scores: Method to its figures on the parts that it was not fitted on.
        left_out: Method to why it was not compared.
    """

    best: str
    scores: dict[str, dict[str, float]]
    left_out: dict[str, str]

    def table(self) -> str:
        """Returns the figures as text, the least log-loss first."""
        order = sorted(self.scores, key=lambda name: self.scores[name]["nll"])
        lines = [f"{'method':<25}" + "".join(f"{name:>9}" for name in COLUMNS)]
        for name in order:
            values = "".join(f"{self.scores[name][key]:>9.4f}" for key in COLUMNS)
            lines.append(f"{name:<25}{values}")
        lines += [f"{name:<25}  {why}" for name, why in self.left_out.items()]
        return "\n".join(lines)


def make_calibrator(method, class_counts=None):
    """Returns an unfitted calibrator that reads probabilities.

    Args:
        method: A key of `METHODS`.
        class_counts: Training samples of each class; the long-tailed temperatures
            need them.

    Raises:
        ValueError: For an unknown method, or one whose `class_counts` are missing.
    """
    if method not in METHODS:
        raise ValueError(
            f"`method` must be 'auto' or one of {sorted(METHODS)}. Received: {method!r}"
        )
    layer, _, needs_counts = METHODS[method]
    if layer is None:
        # Never fitted, so it stays the identity.
        return layers.TemperatureScaling(from_logits=False, name="identity")
    if not needs_counts:
        return layer(from_logits=False)
    if class_counts is None:
        raise ValueError(f"`method` {method!r} needs `class_counts` in the file.")
    return layer(class_counts, from_logits=False)


def cross_validate(
    y_true,
    probabilities,
    class_counts=None,
    class_weight=None,
    methods=None,
    folds=5,
    seed=0,
) -> Comparison:
    """Compares calibrators by the proper loss of predictions they were not fitted on.

    Args:
        y_true: Class ids, shape `(n,)`.
        probabilities: Shape `(n, num_classes)`.
        class_counts: Training samples of each class, or `None`.
        class_weight: As `fit` of a calibrator takes it, for the fits and the figures.
        methods: Keys of `METHODS`. `None` for all but those that need `class_counts`
            where there are none, and those that fit more numbers than there are wrong
            predictions: what is right says little about how sure to be.
        folds: Whole number of 2 or more. Each class is spread over them evenly.
        seed: Seed of the folds.

    Raises:
        ValueError: If there are fewer samples than folds.
    """
    y_true, probabilities = np.asarray(y_true), np.asarray(probabilities)
    if not 2 <= folds <= len(y_true):
        raise ValueError(
            f"`folds` must be from 2 to the {len(y_true)} validation samples. "
            f"Received: {folds}"
        )
    left_out = {}
    if methods is None:
        left_out = _left_out(y_true, probabilities, class_counts)
        methods = [name for name in METHODS if name not in left_out]
    weights = sample_shares(y_true, probabilities.shape[1], class_weight=class_weight)
    fold_of = folds_of(y_true, folds, seed)
    scores, losses = {}, {}
    for method in methods:
        held_out = np.empty(probabilities.shape)
        for fold in range(folds):
            inside = fold_of != fold
            layer = make_calibrator(method, class_counts)
            layer.fallback = False  # one temperature is compared here
            if method != "identity":
                _fit_quietly(layer, y_true[inside], probabilities[inside], class_weight)
            held_out[~inside] = ops.convert_to_numpy(layer(probabilities[~inside]))
        held_out /= held_out.sum(axis=1, keepdims=True)
        predictions = as_predictions(y_true, held_out)
        of_label = np.maximum(predictions.label_probability, MIN_PROBABILITY)
        losses[method] = -np.log(of_label)
        scores[method] = weighted_scores(predictions, losses[method], weights)
    return Comparison(simplest(losses, weights), scores, left_out)


def _left_out(y_true, probabilities, class_counts):
    """Returns the methods that are not compared, each with the reason."""
    num_wrong = int(np.sum(np.argmax(probabilities, axis=1) != y_true))
    reasons = {}
    for name, method in METHODS.items():
        numbers = method.fitted_numbers(probabilities.shape[1])
        if method.needs_counts and class_counts is None:
            reasons[name] = "left out: needs the class counts"
        elif numbers > num_wrong:
            wrong = f"{num_wrong} wrong predictions"
            reasons[name] = f"left out: {numbers} numbers to fit from {wrong}"
    return reasons


def simplest(losses, weights) -> str:
    """Returns the simplest method that is not clearly worse than the best.

    The rule of one standard error (Hastie et al., The Elements of Statistical Learning,
    section 7.10), on the differences of two methods on the same samples. Methods of
    greater loss than one temperature, which overfits nothing, are no choice, the
    identity among them.

    Args:
        losses: Method to the loss of each sample, shape `(n,)`.
        weights: Of sum 1, shape `(n,)`.
    """
    means = {name: weights @ losses[name] for name in losses}
    best = min(means, key=means.get)
    most = means.get("temperature", np.inf)

    def is_as_good(name):
        mean, error = mean_and_error(losses[name] - losses[best], weights)
        return mean <= error and means[name] <= most

    return next(name for name in METHODS if name in losses and is_as_good(name))


def weighted_scores(predictions, losses, weights) -> dict[str, float]:
    """Returns the figures of a comparison, every sample counted by its weight.

    Args:
        predictions: `Predictions`.
        losses: Negative log-likelihood of each sample, shape `(n,)`.
        weights: Of sum 1, shape `(n,)`.
    """
    squares = np.sum(predictions.probabilities**2, axis=1)
    counts = top_label_counts(
        predictions.confidence, predictions.correct, weight=weights
    )
    return {
        "nll": float(weights @ losses),
        "brier": float(weights @ (squares - 2 * predictions.label_probability + 1)),
        "ece": float(expected_error(counts, xp=np)),
    }


def _fit_quietly(layer, labels, probabilities, class_weight):
    """Fits; a fold that teaches nothing counts as the identity, as it will in use."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*(stays the identity|temperature)")
        layer.fit(labels, probabilities, class_weight=class_weight)
