"""What a metric says of the rows that it could not judge."""

import warnings


def report(name, rejected, num_classes, sums_are_finite=True):
    """Warns of predictions that are not finite; raises for other faults.

    Args:
        name: The metric's.
        rejected: What `Batch.rejected` sums up, shape `(4,)`.
        num_classes: Number of classes, K.
        sums_are_finite: Whether no sum of weights overflowed.

    Raises:
        ValueError: For labels, weights or probabilities that are none.
    """
    lost, improper, unlabelled, unweighted = rejected.tolist()
    if unlabelled:
        raise ValueError(
            f"`{name}` was given samples of weight {unlabelled:g} whose label is no "
            "class. `y_true` must hold whole numbers (class ids) from 0 to "
            f"{num_classes - 1}, or rows with a single 1 and otherwise 0. Soft labels "
            "have no single right class: judge against the class that was observed. "
            "For several labels a sample, judge each column alone as two classes. "
            "Leave samples without a label out, or give them weight 0."
        )
    if improper:
        raise ValueError(
            f"`{name}` was given samples of weight {improper:g} whose probabilities "
            "are below 0 or do not sum to 1. If `y_pred` holds logits, set "
            "`from_logits=True`."
        )
    if unweighted or not sums_are_finite:
        got = f"{unweighted:g} that are not" if unweighted else "too large a sum"
        raise ValueError(
            f"`{name}` needs finite numbers of 0 or more as `sample_weight`, whose sum "
            f"has room in its type. Received: {got}."
        )
    if lost:
        warnings.warn(
            f"`{name}` left out predictions of weight {lost:g} that are NaN or "
            "infinite.",
            RuntimeWarning,
            stacklevel=4,
        )
