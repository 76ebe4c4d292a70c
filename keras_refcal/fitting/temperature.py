"""The temperature that minimises the negative log-likelihood."""

import dataclasses

import numpy as np

LOWEST, HIGHEST = 1e-3, 1e3
# Logits whose mean distance from the largest lies in this range have these bounds.
ORDINARY_SPREAD = (0.1, 10.0)
MAX_STEPS = 200
CHANCE = "labels are no likelier than chance, so that the flattest temperature is best"
ALL_RIGHT = (
    "every label is the likeliest class, so that any loss can be reached; the "
    "temperature is taken that claims no more than so many samples can show"
)
SHARPEST = "the loss still falls at the lowest temperature"


@dataclasses.dataclass(frozen=True)
class BestTemperature:
    """The best temperature of some predictions.

    Attributes:
        temperature: T.
        loss: Weighted mean of `-log softmax(z / T)_y`, in nats.
        log_bounds: Least and largest log T that were allowed.
        limit: Why no temperature inside the bounds is best; `None` where one is.
    """

    temperature: float
    loss: float
    log_bounds: tuple[float, float]
    limit: str | None = None


def best_temperature(blocks, samples, tolerance=1e-10, start=1.0) -> BestTemperature:
    """Returns the T within bounds that minimises the mean of `-log softmax(z / T)_y`.

    The loss is convex in 1/T: safeguarded Newton steps find where its slope changes
    sign. The bounds are 0.001 and 1000, far beyond what networks need and near enough
    for finite probabilities in float32; they are scaled with logits whose mean
    distance from the largest of their row lies outside 0.1 to 10.

    Two sets of predictions have no best temperature of their own. Where the labels
    are no likelier than chance the loss falls as T grows: T is the upper bound. Where
    every label is the likeliest class the loss falls to 0 as T shrinks, and the truth
    is only known to one in `n + 1`: T falls until the loss is `1 / (n + 1)`, and never
    rises above 1.

    Args:
        blocks: Iterable, again and again, over rows: margins as `margins` returns
            them, those of the labels, and weights, of sum 1 over all blocks.
        samples: n, how many samples the weights stand for.
        tolerance: Largest error of log T.
        start: A temperature near the best one, to begin with.
    """
    low, high, all_right = _bounds(blocks)
    if all_right:
        log_t = _slowest_fall(blocks, low, 1 / (samples + 1), tolerance)
        loss = scaled_loss(blocks, np.exp(-log_t))[0]
        return BestTemperature(float(np.exp(log_t)), loss, (low, high), ALL_RIGHT)
    left, right, last = low, high, np.inf
    log_t = float(np.clip(np.log(start), low, high))
    for _ in range(MAX_STEPS):
        inverse = np.exp(-log_t)
        loss, slope, curvature = scaled_loss(blocks, inverse)
        limit = {low: SHARPEST, high: CHANCE}.get(log_t)
        if limit and (slope > 0) == (log_t == high):
            return BestTemperature(float(np.exp(log_t)), loss, (low, high), limit)
        left, right = (log_t, right) if slope > 0 else (left, log_t)
        proposal = _newton(inverse, slope, curvature, left, right)
        if slope == 0 or abs(proposal - log_t) <= tolerance:
            break
        if abs(proposal - log_t) > last / 2:  # slower than halving the bracket
            proposal = (left + right) / 2
        log_t, last = proposal, abs(proposal - log_t)
    return BestTemperature(float(np.exp(log_t)), loss, (low, high))


def margins(scores, labels) -> tuple[np.ndarray, np.ndarray]:
    """Returns logits less the largest of their row, and those of the labels.

    Args:
        scores: Shape `(n, K)`.
        labels: Class ids, shape `(n,)`.
    """
    below = scores - scores.max(axis=1, keepdims=True)
    return below, below[np.arange(len(labels)), labels].astype("float64")


def scaled_loss(blocks, inverse) -> tuple[float, float, float]:
    """Returns the loss, its slope and its curvature in the inverse temperature.

    Args:
        blocks: As `best_temperature` takes them.
        inverse: 1 / T.
    """
    loss = slope = curvature = 0.0
    for below, of_label, weights in blocks:
        odds = np.exp(below * np.asarray(inverse, below.dtype))
        total = odds.sum(axis=1, dtype="float64")
        first = np.einsum("ij,ij->i", odds, below) / total
        odds *= below
        second = np.einsum("ij,ij->i", odds, below) / total
        loss += float(weights @ (np.log(total) - inverse * of_label))
        slope += float(weights @ (first - of_label))
        curvature += float(weights @ np.maximum(second - first**2, 0.0))
    return loss, slope, curvature


def scaled_brier(blocks, inverse) -> float:
    """Returns the mean squared distance of `softmax(z / T)` to the one-hot label.

    Args:
        blocks: As `best_temperature` takes them.
        inverse: 1 / T.
    """
    score = 0.0
    for below, of_label, weights in blocks:
        odds = np.exp(below * np.asarray(inverse, below.dtype))
        total = odds.sum(axis=1, dtype="float64")
        squares = np.einsum("ij,ij->i", odds, odds) / total**2
        score += float(weights @ (squares - 2 * np.exp(inverse * of_label) / total + 1))
    return score


def _bounds(blocks):
    """Returns the bounds of log T, and whether every label is the likeliest class."""
    spread, all_right = 0.0, True
    for below, of_label, weights in blocks:
        spread -= float(weights @ below.mean(axis=1, dtype="float64"))
        all_right = all_right and not np.any(of_label < 0)
    spread = max(spread, np.finfo("float32").tiny)
    shift = np.log(spread / np.clip(spread, *ORDINARY_SPREAD))
    return np.log(LOWEST) + shift, np.log(HIGHEST) + shift, all_right


def _newton(inverse, slope, curvature, left, right):
    """Returns the log T of a Newton step, clipped to the bracket; its middle if none.

    The step may leave the numbers that are inverse temperatures: T then is infinite.
    """
    if not curvature > 0:
        return (left + right) / 2
    proposal = inverse - slope / curvature
    log_t = -np.log(proposal) if proposal > 0 else np.inf
    return float(np.clip(log_t, left, right))


def _slowest_fall(blocks, low, above, tolerance):
    """Returns the log T, 0 or less, whose loss is `above` that of the lower bound."""

    def loss(log_t):
        return scaled_loss(blocks, np.exp(-log_t))[0]

    wanted = loss(low) + above
    high = 0.0
    if loss(high) <= wanted:
        return high
    while high - low > tolerance:
        middle = (low + high) / 2
        low, high = (middle, high) if loss(middle) <= wanted else (low, middle)
    return low
