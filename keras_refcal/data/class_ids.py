"""Class ids of the files that a data set is read from."""

import itertools

import numpy as np


def count_classes(path, train_labels, *others):
    """Returns the number of classes of labels, the largest id plus one.

    Raises:
        ValueError: If that is more than there are training samples, each class of
            which needs one. Checked before anything of that size is made.
    """
    largest = max((int(x.max()) for x in (train_labels, *others) if len(x)), default=0)
    if largest >= len(train_labels):
        present = {*np.unique(train_labels).tolist()}
        absent = (label for label in itertools.count() if label not in present)
        first = next(absent)
        raise ValueError(
            f"{path} must hold every class from 0 to {largest}, its largest id, in its "
            f"{len(train_labels)} training images. Missing: {first} …"
        )
    return largest + 1


def check_classes(path, labels, num_classes, every=True):
    """Raises `ValueError` unless labels are `0 .. num_classes - 1`, each of them."""
    present = np.unique(labels)
    if len(present) == 0:
        raise ValueError(f"{path} holds no sample.")
    if present[0] < 0 or present[-1] >= num_classes:
        raise ValueError(
            f"{path} must hold class ids from 0 to {num_classes - 1}. Received ids "
            f"from {present[0]} to {present[-1]}."
        )
    if every and len(present) < num_classes:
        missing = np.setdiff1d(np.arange(num_classes), present)
        raise ValueError(
            f"{path} must hold every class. Missing: "
            + ", ".join(map(str, missing[:10]))
            + (f" and {len(missing) - 10} more" if len(missing) > 10 else "")
        )
