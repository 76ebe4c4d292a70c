"""Groups of classes by size, as the arguments of metrics name them."""

import numpy as np

from keras_refcal.ops.class_groups import shot_groups, third_groups


def named_groups(class_counts, groups, many=100, few=20) -> dict[str, np.ndarray]:
    """Returns which classes are in each group, booleans of shape `(K,)` by name.

    Args:
        class_counts: Training samples of each class, 0 or more, shape `(K,)`.
        groups: `"shots"` for many, medium and few; `"thirds"` for head, middle and
            tail thirds of the classes; or a mapping of names to class ids.
        many: A many-shot class has more training samples than this.
        few: A few-shot class has fewer training samples than this.

    Raises:
        ValueError: If the counts, the name or the class ids do not fit.

    >>> groups = named_groups([500, 50, 5], {"first": [0], "rest": [1, 2]})
    >>> {name: members.tolist() for name, members in groups.items()}
    {'first': [True, False, False], 'rest': [False, True, True]}
    """
    counts = np.asarray(class_counts, "float64")
    if counts.ndim != 1 or counts.size < 2 or not np.all(counts >= 0):
        raise ValueError(
            "`class_counts` must be a number of training samples for each of two or "
            f"more classes. Received: {class_counts!r}"
        )
    if isinstance(groups, str):
        if groups == "shots":
            return shot_groups(counts, many, few)
        if groups == "thirds":
            return third_groups(counts)
    elif groups and all(_are_ids(ids, counts.size) for ids in dict(groups).values()):
        every = np.arange(counts.size)
        return {name: np.isin(every, list(ids)) for name, ids in groups.items()}
    raise ValueError(
        "`groups` must be 'shots', 'thirds' or a mapping of names to lists of class "
        f"ids from 0 to {counts.size - 1}. Received: {groups!r}"
    )


def _are_ids(ids, num_classes):
    ids = np.asarray(ids)
    whole = ids.ndim == 1 and ids.dtype.kind in "iu"
    return whole and np.all((ids >= 0) & (ids < num_classes))
