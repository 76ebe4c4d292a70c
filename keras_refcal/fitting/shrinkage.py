"""Affine maps that are shrunk towards the identity, as far as the data ask for."""

import dataclasses

import numpy as np

from keras_refcal.fitting.affine import AffineFit, Change, Penalty, losses_of
from keras_refcal.fitting.temperature import ALL_RIGHT
from keras_refcal.fitting.validation_set import folds_of, mean_and_error

# Strengths that are compared: the published one, then each a quarter of the last as
# long as that pays; or else each four times the last.
FACTOR, WEAKEST, STRONGEST = 4.0, 4.0**-6, 4.0**4
FOLDS, FEWEST_SAMPLES = 3, 10
# Values of the predictions that cross-validation uses, where there are more.
MOST_VALUES, MOST_ROWS = 2**21, 5000
# In nats, of a step: while strengths are compared, and in the end.
GAIN_WHILE_CHOOSING, GAIN = 1e-4, 1e-6
# Standard errors by which a strength is clearly worse before all folds are looked at.
CLEAR = 2.0
# Standard errors by which another strength must be better than the published one.
MARGIN = 1.0


def structured_penalty(strength, classes, samples) -> Penalty:
    """Returns the penalty of structured scaling.

    It is `strength / n` times K for each square on the diagonal and of the bias, and
    K (K - 1) for each off the diagonal.

    Paper: Berta et al. 2026, Structured matrix scaling for multi-class calibration.

    Args:
        strength: Number above 0; 1 as published.
        classes: K.
        samples: n, the effective number of samples.
    """
    of_class = strength * classes / samples
    return Penalty(of_class, of_class, of_class * (classes - 1))


def fit_shrunk(data, best, diagonal=False, strength=None):
    """Returns the matrix, or its diagonal, and the bias of `softmax(A @ z + b)`.

    Args:
        data: A `ValidationSet` of which every class occurs; its logits are those that
            the map is shrunk to.
        best: The `BestTemperature` that they stand for.
        diagonal: Whether A is a diagonal.
        strength: Number above 0, see `structured_penalty`. `None` to let three-fold
            cross-validation choose: the published one, unless steps of a factor of four
            lower the loss by more than its standard error each; or infinity, where that
            has less loss, where there are fewer than ten samples, and where every label
            is the likeliest class.

    Returns:
        `None` in place of both where the strength is infinite.
    """
    # So that what A acts on is near log-probabilities, whatever constant rows have.
    constant = data.weights @ np.logaddexp.reduce(data.logits, axis=1)
    centre = np.full(data.num_classes, constant)
    fit = AffineFit(data, centre, diagonal)
    start, gain = None, 1e-12
    if strength is None:
        if len(data.labels) < FEWEST_SAMPLES or best.limit == ALL_RIGHT:
            return None
        strength, start = _Comparison(fit, data).best()
        gain = GAIN
    if strength is None:
        return None
    penalty = structured_penalty(strength, data.num_classes, data.samples)
    return fit.solve(data, penalty, start, gain).map(centre)


class _Comparison:
    """Cross-validation of strengths, of as many samples as need be, in float32."""

    def __init__(self, fit, data):
        most = max(MOST_ROWS, MOST_VALUES // data.num_classes)
        if len(data.labels) > most:
            order = np.random.default_rng(0).permutation(len(data.labels))
            data = data.take(order[:most])
        data = dataclasses.replace(data, logits=data.logits.astype("float32"))
        fold = folds_of(data.labels, FOLDS)
        self.fit = fit
        self.inside = [data.take(fold != f) for f in range(FOLDS)]
        self.outside = [data.take(fold == f) for f in range(FOLDS)]
        self.weights = [data.weights[fold == f] for f in range(FOLDS)]

    def best(self):
        """Returns the strength of least loss, `None` for infinity, and a start."""
        best = _Candidate(self, 1.0, {})
        for factor, last in ((1 / FACTOR, WEAKEST), (FACTOR, STRONGEST)):
            while best.strength != last:
                other = _Candidate(self, best.strength * factor, best.changes)
                if not self.is_less(other, best, MARGIN):
                    break
                best = other
            if best.strength < 1.0:
                break
        if not self.is_less(best, _Candidate(self, None, {})):
            return None, None
        return best.strength, Change.mean([*best.changes.values()])

    def is_less(self, one, other, errors=0.0) -> bool:
        """Whether a candidate has less loss, by so many standard errors.

        The first folds alone are looked at where they are clear.
        """
        for folds in range(1, FOLDS + 1):
            difference = np.concatenate(
                [one.losses(fold) - other.losses(fold) for fold in range(folds)]
            )
            weights = np.concatenate(self.weights[:folds])
            mean, error = mean_and_error(difference, weights)
            if abs(mean) > CLEAR * error:
                break
        return mean < -errors * error


class _Candidate:
    """A strength, or `None` for infinity, fitted to a fold when that is asked for."""

    def __init__(self, comparison, strength, starts):
        self.comparison, self.strength, self.starts = comparison, strength, starts
        self.changes, self.held_out = {}, {}

    def losses(self, fold):
        """Returns the losses of the samples that were held out."""
        if fold not in self.held_out:
            fit, inside = self.comparison.fit, self.comparison.inside[fold]
            change = Change.none(inside.num_classes, fit.diagonal)
            if self.strength is not None:
                penalty = structured_penalty(
                    self.strength, inside.num_classes, inside.samples
                )
                start = self.starts.get(fold)
                change = fit.solve(inside, penalty, start, GAIN_WHILE_CHOOSING)
            self.changes[fold] = change
            outside = self.comparison.outside[fold]
            self.held_out[fold] = losses_of(*change.map(fit.centre), outside)
        return self.held_out[fold]
