"""Groups of classes by their number of training samples."""

import collections.abc

import numpy as np


def shot_groups(class_counts, many=100, few=20) -> dict[str, np.ndarray]:
    """Returns which classes are many-, medium- and few-shot.

    Args:
        class_counts: Training samples of each class, shape `(num_classes,)`.
        many: A many-shot class has more training samples than this.
        few: A few-shot class has fewer training samples than this.

    Returns:
        Group name to booleans of shape `(num_classes,)`; a group may be empty.

    >>> {k: v.tolist() for k, v in shot_groups([500, 50, 5]).items()}
    {'many': [True, False, False], 'medium': [False, True, False],
     'few': [False, False, True]}
    """
    counts = np.asarray(class_counts)
    is_many, is_few = counts > many, counts < few
    return {"many": is_many, "medium": ~is_many & ~is_few, "few": is_few}


def third_groups(class_counts) -> dict[str, np.ndarray]:
    """Returns the largest, middle and smallest third of the classes.

    None is empty from three classes on. Where the number of classes is no multiple
    of 3 the larger thirds take one more; classes of equal size keep their order.

    Args:
        class_counts: Training samples of each class, shape `(num_classes,)`.

    >>> {k: v.tolist() for k, v in third_groups([50, 500, 5]).items()}
    {'head': [False, True, False], 'middle': [True, False, False],
     'tail': [False, False, True]}
    """
    counts = np.asarray(class_counts)
    thirds = np.array_split(np.argsort(-counts, kind="stable"), 3)
    names = ("head", "middle", "tail")
    return {
        name: np.isin(np.arange(len(counts)), third)
        for name, third in zip(names, thirds, strict=True)
    }


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
    checked_groups(groups, counts.size)
    if groups == "shots":
        return shot_groups(counts, many, few)
    if groups == "thirds":
        return third_groups(counts)
    every = np.arange(counts.size)
    return {name: np.isin(every, list(ids)) for name, ids in groups.items()}


def checked_groups(groups, num_classes=None, disjoint=False):
    """Returns `groups` as a configuration has them, or raises `ValueError`.

    Args:
        groups: See `named_groups`.
        num_classes: K; `None` where it is not known yet.
        disjoint: Whether a class may be in one group only.

    >>> checked_groups({"rare": np.array([3, 4])}, num_classes=5)
    {'rare': [3, 4]}
    """
    if isinstance(groups, str) and groups in ("shots", "thirds"):
        return groups
    named = isinstance(groups, collections.abc.Mapping) and groups
    if named and all(_are_ids(ids, num_classes) for ids in groups.values()):
        found = {str(name): np.asarray(ids).tolist() for name, ids in groups.items()}
        ids, times = np.unique(np.concatenate([*found.values()]), return_counts=True)
        if disjoint and np.any(times > 1):
            raise ValueError(
                "`groups` must not share classes. Received in several: "
                f"{ids[times > 1].tolist()}"
            )
        return found
    most = "" if num_classes is None else f" from 0 to {num_classes - 1}"
    raise ValueError(
        "`groups` must be 'shots', 'thirds' or a mapping of names to lists of class "
        f"ids{most}. Received: {groups!r}"
    )


def disjoint_groups(class_counts, groups) -> dict[str, np.ndarray]:
    """Returns groups that hold a class, each class in one; `others` are in none.

    Args:
        class_counts: Training samples of each class, shape `(K,)`.
        groups: See `named_groups`.

    Raises:
        ValueError: As `named_groups`, and if a class is in two groups.

    >>> {k: v.tolist() for k, v in disjoint_groups([500, 5], "shots").items()}
    {'many': [True, False], 'few': [False, True]}
    >>> {k: v.tolist() for k, v in disjoint_groups([9, 5], {"a": [1]}).items()}
    {'a': [False, True], 'others': [True, False]}
    """
    found = named_groups(class_counts, checked_groups(groups, disjoint=True))
    found["others"] = ~np.any([*found.values()], axis=0)
    return {name: members for name, members in found.items() if members.any()}


def _are_ids(ids, num_classes):
    ids = np.asarray(ids)
    whole = ids.ndim == 1 and ids.dtype.kind in "iu"
    most = np.inf if num_classes is None else num_classes
    return whole and np.all((ids >= 0) & (ids < most))
