"""Class ids of the files that a data set is read from."""

import numpy as np


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
