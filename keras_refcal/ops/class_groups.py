"""Groups of classes by their number of training samples."""

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


GROUPS = {"shots": shot_groups, "thirds": third_groups}


def filled_groups(class_counts, groups) -> dict[str, np.ndarray]:
    """Returns the groups that hold a class.

    Args:
        class_counts: Training samples of each class, shape `(num_classes,)`.
        groups: A key of `GROUPS`.

    >>> {k: v.tolist() for k, v in filled_groups([500, 5], "shots").items()}
    {'many': [True, False], 'few': [False, True]}
    """
    found = GROUPS[groups](class_counts)
    return {name: members for name, members in found.items() if members.any()}
