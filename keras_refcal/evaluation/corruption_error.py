"""The mean corruption error of a classifier."""

from typing import Any

import numpy as np


def mean_corruption_error(
    errors: Any, reference: Any = None, clean: Any = None, reference_clean: Any = None
) -> Any:
    """Returns the mean over corruptions of the error, or of its ratio to another's.

    Args:
        errors: For each corruption the error rates in its severities, fractions.
        reference: The same of a reference classifier: errors are summed over
            severities and divided by its sum (AlexNet's in the paper). `None`: the
            plain mean, as is usual for CIFAR-C.
        clean: Error rate on clean images. With `reference_clean`: the relative
            corruption error, of what a corruption adds.
        reference_clean: Likewise of the reference classifier.

    Returns:
        A fraction; NaN where a reference has no errors to divide by.

    Raises:
        ValueError: If corruptions or severities of the two do not agree.

    Reference:
        [Hendrycks and Dietterich, 2019](https://arxiv.org/abs/1903.12261), section 4.

    >>> mean_corruption_error({"fog": [0.1, 0.3], "snow": [0.2, 0.4]})
    0.25
    >>> mean_corruption_error({"fog": [0.1, 0.3]}, reference={"fog": [0.3, 0.5]})
    0.5
    """
    _check(errors, "errors")
    if (clean is None) != (reference_clean is None):
        raise ValueError(
            "`clean` and `reference_clean` must be given together. Received: "
            f"{clean!r} and {reference_clean!r}"
        )
    added = {name: np.asarray(rates) - (clean or 0.0) for name, rates in errors.items()}
    if reference is None:
        if clean is not None:
            raise ValueError("`clean` must come with `reference`. Received None.")
        return float(np.mean([np.mean(rates) for rates in added.values()]))
    _check(reference, "reference")
    for name, rates in errors.items():
        if len(reference.get(name, ())) != len(rates):
            raise ValueError(
                f"`reference` must hold {len(rates)} error rates of {name!r}. "
                f"Received: {reference.get(name)!r}"
            )
    ratios = []
    for name, rates in added.items():
        whole = np.sum(np.asarray(reference[name]) - (reference_clean or 0.0))
        ratios.append(np.sum(rates) / whole if whole else np.nan)
    return float(np.mean(ratios))


def _check(errors, name):
    if not errors:
        raise ValueError(f"`{name}` must hold one corruption or more. Received none.")
    for corruption, rates in errors.items():
        rates = np.asarray(rates, "float64")
        if (
            rates.ndim != 1
            or rates.size == 0
            or not np.all((0 <= rates) & (rates <= 1))
        ):
            raise ValueError(
                f"`{name}` must hold error rates in [0, 1] for {corruption!r}. "
                f"Received: {rates.tolist()}"
            )
