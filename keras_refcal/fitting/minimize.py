"""L-BFGS for smooth convex functions of up to some ten thousand numbers."""

import collections

import numpy as np

SUFFICIENT_DECREASE, CURVATURE = 1e-4, 0.9
STEPS_OF_GAIN = 5


def minimize(
    value_and_gradient,
    start,
    tolerance=1e-9,
    max_iterations=2000,
    memory=20,
    least_gain=0.0,
) -> np.ndarray:
    """Returns the minimiser of a smooth convex function.

    It stops where no entry of the gradient exceeds `tolerance`, or where rounding
    leaves no step that lowers the value; the value never rises above the start's.

    Paper: Nocedal 1980, with the bisection of Lewis and Overton 2013 for the weak
    Wolfe conditions.

    Args:
        value_and_gradient: Maps a vector to the value, a float, and the gradient.
        start: Vector to start from.
        tolerance: Positive number.
        max_iterations: Steps at most.
        memory: Pairs of steps and changes of the gradient that are kept.
        least_gain: It also stops where five steps lower the value by less than this.

    >>> def bowl(x):
    ...     return float(np.sum((x - 3.0) ** 2)), 2 * (x - 3.0)
    >>> minimize(bowl, np.zeros(2)).round(6).tolist()
    [3.0, 3.0]
    """
    point = np.array(start, "float64")
    value, gradient = value_and_gradient(point)
    pairs = collections.deque(maxlen=memory)
    values = collections.deque([np.inf] * STEPS_OF_GAIN, maxlen=STEPS_OF_GAIN)
    for _ in range(max_iterations):
        if np.max(np.abs(gradient), initial=0.0) <= tolerance:
            break
        if values[0] - value < least_gain:
            break
        values.append(value)
        direction = _direction(gradient, pairs)
        found = _line_search(value_and_gradient, point, value, gradient, direction)
        if found is None and pairs:
            # Rounding has spoilt the curvature: once more along the gradient.
            pairs.clear()
            direction = _direction(gradient, pairs)
            found = _line_search(value_and_gradient, point, value, gradient, direction)
        if found is None:
            break
        new_point, value, new_gradient = found
        step, change = new_point - point, new_gradient - gradient
        if step @ change > 0:
            pairs.append((step, change))
        point, gradient = new_point, new_gradient
    return point


def _direction(gradient, pairs):
    """Returns minus the approximate inverse Hessian times the gradient."""
    if not pairs:
        return -gradient / max(1.0, float(np.linalg.norm(gradient)))
    direction, shares = -gradient, []
    for step, change in reversed(pairs):
        share = (step @ direction) / (step @ change)
        direction = direction - share * change
        shares.append(share)
    step, change = pairs[-1]
    direction = direction * ((step @ change) / (change @ change))
    for (step, change), share in zip(pairs, reversed(shares), strict=True):
        direction = direction + (share - (change @ direction) / (step @ change)) * step
    return direction


def _line_search(value_and_gradient, point, value, gradient, direction):
    """Returns point, value and gradient of a Wolfe step; `None` where none is left."""
    slope = gradient @ direction
    low, high, length, best = 0.0, np.inf, 1.0, None
    for _ in range(50):
        new_point = point + length * direction
        new_value, new_gradient = value_and_gradient(new_point)
        if not new_value <= value + SUFFICIENT_DECREASE * length * slope:
            high = length
        else:
            best = new_point, new_value, new_gradient
            if new_gradient @ direction >= CURVATURE * slope:
                return best
            low = length
        length = 2 * low if np.isinf(high) else (low + high) / 2
    return best if best is not None and best[1] < value else None
