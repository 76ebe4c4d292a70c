"""Batches of one shape that hold what is hard: ties, extremes, rows of weight 0."""

import numpy as np
from hypothesis import strategies as st

ROWS, CLASSES = 8, 4
# Each makes a row of logits from a row of normal numbers.
LOGITS = {
    "usual": lambda row: 2 * row,
    "sharp": lambda row: 60 * row,
    "zero": lambda row: 0 * row,
    "equal": lambda row: 0 * row + row[0],
    "tie of two": lambda row: np.where(np.arange(CLASSES) < 2, 3.0, row.round()),
    "tiny": lambda row: 1e-30 * row,
    "denormal": lambda row: 1e-42 * row,
    "one large": lambda row: np.where(np.arange(CLASSES) == 1, 6e4, row),
    "one low": lambda row: np.where(np.arange(CLASSES) == 2, -6e4, row),
    "all large": lambda row: 6e4 + row,
    "far apart": lambda row: 6e4 * np.sign(row),
    "huge": lambda row: 1e12 * row,
}
WEIGHTS = {
    "one": lambda u: 1 + 0 * u,
    "whole": lambda u: np.floor(3 * u),
    "some none": lambda u: np.where(u < 0.5, 0, u),
    "none": lambda u: 0 * u,
    "small": lambda u: 1e-6 * u,
    "large": lambda u: 1e4 * u,
}
LABELS = {
    "any": lambda u: np.floor(CLASSES * u),
    "one class": lambda u: 0 * u + np.floor(CLASSES * u[0]),
    "two classes": lambda u: np.floor(2 * u),
    "one of a kind": lambda u: np.where(np.arange(len(u)) == 0, 3, 0),
}


def batches_of(logits=LOGITS, weights=WEIGHTS):
    """Returns a strategy of batches of these kinds of rows and weights."""
    return st.tuples(
        st.lists(st.sampled_from(sorted(logits)), min_size=ROWS, max_size=ROWS),
        st.sampled_from(sorted(LABELS)),
        st.sampled_from(sorted(weights)),
        st.integers(0, 2**32 - 1),
    )


batches = batches_of()


def arrays(batch, logits_of=LOGITS, weights_of=WEIGHTS):
    """Returns labels `(rows,)`, logits `(rows, classes)` and weights `(rows,)`."""
    kinds, labels, weights, seed = batch
    generator = np.random.default_rng(seed)
    rows = generator.normal(size=(ROWS, CLASSES)).astype("float32")
    logits = np.stack(
        [logits_of[kind](row) for kind, row in zip(kinds, rows, strict=True)]
    )
    labels = LABELS[labels](generator.random(ROWS))
    weights = weights_of[weights](generator.random(ROWS))
    return labels.astype("int32"), logits.astype("float32"), weights.astype("float32")


def other_rows(labels, values, weights, seed):
    """Returns a batch with the rows of weight 0 exchanged for other rows."""
    generator = np.random.default_rng(seed)
    absent = weights == 0
    others = generator.integers(0, len(labels), len(labels))
    values = np.where(absent[:, None], values[others], values)
    return np.where(absent, labels[others], labels), values, weights


def shuffled(labels, values, weights, seed):
    """Returns the rows of a batch in another order, and the order."""
    order = np.random.default_rng(seed).permutation(len(labels))
    return (labels[order], values[order], weights[order]), order
