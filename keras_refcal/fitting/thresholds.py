"""Confidence thresholds whose risk or coverage holds with a stated probability."""

import numpy as np

# The grid, in 1 - threshold, is even in its logarithm from here to all samples.
GRID_SIZE, STRICTEST = 400, 1e-6
# Where tests start: at these shares of the widest distance from 1, for calibrated
# models, and at these distances, for overconfident ones. Each start costs power.
START_SHARES, START_DISTANCES = (
    (1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 32),
    (1e-3, 1e-4, 1e-6),
)


def risk_threshold(confidence, correct, target_risk, failure, num_classes):
    """Returns the threshold that accepts most at a risk of at most `target_risk`.

    A grid of thresholds, chosen before seeing data, is tested from the strictest down
    to the most generous, starting at eight places and stopping at the first that
    cannot be shown to keep the risk. A test is exact: of n accepted samples the wrong
    ones are binomial (Clopper and Pearson). By the union bound over the starts the
    risk among accepted samples exceeds `target_risk` with a probability of at most
    `failure` over validation sets.

    Paper: Angelopoulos et al. 2021, https://arxiv.org/abs/2110.01052 (learn then
    test, fixed sequences).

    Args:
        confidence: Largest probability, float32 of shape `(n,)`.
        correct: Booleans, shape `(n,)`.
        target_risk: Number in (0, 1), share of errors among accepted samples.
        failure: Number in (0, 1).
        num_classes: Whole number K; no confidence is below 1 / K.

    Returns:
        The threshold, or `None` if none can be shown to keep the risk.
    """
    # A little below 1 / K, where rounding cannot leave out a sample.
    lowest = 1 / num_classes - 1e-6
    distances = np.geomspace(STRICTEST, 1 - lowest, GRID_SIZE)
    grid = (1 - distances).astype("float32")
    starts = [share * (1 - lowest) for share in START_SHARES] + [*START_DISTANCES]
    order = np.argsort(confidence)
    ordered = np.asarray(confidence, "float32")[order]
    errors_above = np.append(np.cumsum(~correct[order][::-1])[::-1], 0)
    first = np.searchsorted(ordered, grid, side="left")
    p_values = [
        binomial_cdf(int(errors_above[i]), len(ordered) - int(i), target_risk)
        for i in first
    ]
    level, best = failure / len(starts), None
    for position in np.searchsorted(distances, starts):
        while position < GRID_SIZE and p_values[position] <= level:
            best = position if best is None else max(best, position)
            position += 1
    return None if best is None else float(grid[best])


def coverage_threshold(confidence, target_coverage, failure) -> float:
    """Returns the greatest threshold that accepts at least `target_coverage`.

    It is an order statistic, so that the coverage falls short with a probability of
    at most `failure` over validation sets, whatever the distribution; 0, which accepts
    all, where there are too few samples.

    Args:
        confidence: Shape `(n,)`.
        target_coverage: Number in (0, 1), share of samples to accept.
        failure: Number in (0, 1).
    """
    ordered = np.sort(confidence)
    rank = 0
    while (
        rank < len(ordered)
        and binomial_cdf(rank, len(ordered), 1 - target_coverage) <= failure
    ):
        rank += 1
    return float(ordered[rank - 1]) if rank else 0.0


def binomial_cdf(successes, trials, probability) -> float:
    """Returns the probability of at most `successes` in `trials`.

    Args:
        successes: Whole number.
        trials: Whole number of 0 or more.
        probability: Number in (0, 1).

    >>> round(binomial_cdf(1, 3, 0.5), 12)
    0.5
    """
    if successes >= trials:
        return 1.0
    counts = np.arange(successes + 1)
    steps = np.log((trials - counts[:-1]) / (counts[:-1] + 1.0))
    choices = np.concatenate([[0.0], np.cumsum(steps)])
    log_mass = choices + counts * np.log(probability)
    log_mass += (trials - counts) * np.log1p(-probability)
    return float(min(1.0, np.sum(np.exp(log_mass))))
