"""Linear maps that are shrunk towards one temperature, as far as the data ask for."""

import numpy as np

from keras_refcal.fitting.minimize import minimize
from keras_refcal.fitting.temperature import ALL_RIGHT
from keras_refcal.fitting.validation_set import folds_of

# Of the squared numbers, the first that is compared and the last; in between, the path
# ends where cross-validation says that the loss rises.
STRENGTHS = (0.25, 0.05, 0.01, 2e-3, 4e-4, 8e-5, 1.6e-5)
# An entry off the diagonal against one on it: there are K - 1 times as many.
OFF_DIAGONAL = 10.0
FOLDS, FEWEST_SAMPLES = 3, 10
# Values of the predictions that cross-validation uses, where there are more.
MOST_VALUES, MOST_ROWS = 2**21, 5000
# Steps gain ever less: the loss is known to this, in nats.
GAIN_WHILE_CHOOSING, GAIN = 1e-5, 1e-8


def fit_shrunk(data, best, diagonal=False) -> tuple[np.ndarray, np.ndarray]:
    """Returns the matrix `(K, K)` and the bias `(K,)` of `softmax(matrix @ z + bias)`.

    The map is `x + D @ (x - mean(x)) / spread + b`, where `x = z / T` with the one best
    temperature. The loss is the mean of `-log softmax(map)_y` plus half `strength`
    times the sum of `b^2` and of `D^2`, off the diagonal ten times that. The strength
    of least loss in three-fold cross-validation is taken; it is infinite, so that the
    map is one temperature, where no other is better, where there are fewer than ten
    samples, and where every label is the likeliest class.

    Args:
        data: A `ValidationSet` of which every class occurs.
        best: The `BestTemperature` to shrink to.
        diagonal: Whether D is a diagonal.
    """
    problem = _Problem.of(data, best.temperature, diagonal)
    solution = np.zeros(problem.size)
    strength = None
    if len(data.labels) >= FEWEST_SAMPLES and best.limit != ALL_RIGHT:
        strength = _best_strength(problem)
    if strength is not None:
        for one in STRENGTHS[: STRENGTHS.index(strength) + 1]:
            gain = GAIN if one == strength else GAIN_WHILE_CHOOSING
            solution = problem.solve(one, solution, gain)
    change, bias = problem.unpacked(solution)
    change = np.diag(change) if diagonal else change
    slopes = np.eye(data.num_classes) + change / problem.spread
    return slopes / best.temperature, bias - change @ problem.mean / problem.spread


def _best_strength(problem):
    """Returns the strength of least cross-validated loss; `None` for infinity."""
    classes = problem.base.shape[1]
    most = max(MOST_ROWS, MOST_VALUES // classes)
    problem = problem.take(np.random.default_rng(0).permutation(problem.rows)[:most])
    fold = folds_of(problem.labels, FOLDS)
    parts = [(problem.take(fold != f), problem.take(fold == f)) for f in range(FOLDS)]
    solutions = [np.zeros(problem.size)] * FOLDS
    best, least = None, problem.loss(solutions[0])
    for strength in STRENGTHS:
        solutions = [
            inside.solve(strength, start, GAIN_WHILE_CHOOSING)
            for (inside, _), start in zip(parts, solutions, strict=True)
        ]
        loss = sum(
            outside.loss(solution)
            for (_, outside), solution in zip(parts, solutions, strict=True)
        )
        if loss < least:
            best, least = strength, loss
        elif best is not None or strength <= STRENGTHS[2]:
            break
    return best


class _Problem:
    """What is minimised: base logits, features of D, labels, weights of sum 1."""

    def __init__(self, base, features, labels, weights, mean, spread, diagonal):
        self.base, self.features = base, features
        self.labels, self.weights = labels, weights
        self.mean, self.spread, self.diagonal = mean, spread, diagonal
        self.rows, classes = base.shape
        self.size = 2 * classes if diagonal else classes * (classes + 1)
        of_change = np.ones(classes)
        if not diagonal:
            of_change = np.full((classes, classes), OFF_DIAGONAL)
            np.fill_diagonal(of_change, 1.0)
        self.penalty = np.concatenate([of_change.ravel(), np.ones(classes)])

    @classmethod
    def of(cls, data, temperature, diagonal):
        """Returns the problem of a `ValidationSet`."""
        base = data.logits / temperature
        mean = data.weights @ base
        features = base - mean
        spread = np.sqrt(data.weights @ np.mean(features**2, axis=1))
        spread = spread if spread > 0 else 1.0
        return cls(
            base, features / spread, data.labels, data.weights, mean, spread, diagonal
        )

    def take(self, rows):
        """Returns the problem of some samples; their weights keep their sum."""
        return _Problem(
            self.base[rows],
            self.features[rows],
            self.labels[rows],
            self.weights[rows],
            self.mean,
            self.spread,
            self.diagonal,
        )

    def unpacked(self, solution):
        """Returns D, or its diagonal, and the bias."""
        classes = self.base.shape[1]
        change, bias = solution[:-classes], solution[-classes:]
        return (change if self.diagonal else change.reshape(classes, classes)), bias

    def loss(self, solution) -> float:
        """Returns the weighted sum of the losses, without penalty."""
        return self._loss_and_odds(solution)[0]

    def solve(self, strength, start, gain):
        """Returns the solution of least penalised mean loss."""
        total = self.weights.sum()
        penalty = strength * self.penalty

        def objective(solution):
            loss, error = self._loss_and_odds(solution)
            error[np.arange(self.rows), self.labels] -= 1
            error *= (self.weights / total)[:, None]
            of_change = (
                np.einsum("ij,ij->j", error, self.features)
                if self.diagonal
                else error.T @ self.features
            )
            gradient = np.concatenate([of_change.ravel(), error.sum(axis=0)])
            gradient += penalty * solution
            return loss / total + penalty @ solution**2 / 2, gradient

        return minimize(objective, start, tolerance=1e-8, least_gain=gain)

    def _loss_and_odds(self, solution):
        change, bias = self.unpacked(solution)
        logits = self.features * change if self.diagonal else self.features @ change.T
        logits += self.base
        logits += bias
        logits -= logits.max(axis=1, keepdims=True)
        of_label = logits[np.arange(self.rows), self.labels]
        odds = np.exp(logits, out=logits)
        total = odds.sum(axis=1)
        odds /= total[:, None]
        return float(self.weights @ (np.log(total) - of_label)), odds
