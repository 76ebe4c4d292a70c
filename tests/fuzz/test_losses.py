"""Ten thousand hard batches for every exported loss; and what they once found.

Each is compared with the formula in float64, on every backend, and so are the backends
with each other.
"""

import numpy as np
import pytest
from exported_losses import EXPORTED, on_logits
from fuzz_batches import (
    CLASSES,
    LOGITS,
    ROWS,
    WEIGHTS,
    arrays,
    batches_of,
    other_rows,
    shuffled,
)
from fuzz_compiled import with_gradient
from fuzz_settings import fuzz
from hypothesis import given
from keras import ops
from loss_references import A_BATCH, reference

# Beyond the limits of half precision, and of squares and sums in float32.
HARD_LOGITS = {
    **LOGITS,
    "largest of float16": lambda row: 65504 * np.sign(row),
    "1e30": lambda row: 1e30 * row,
    "offset of 1e8": lambda row: 1e8 + 16 * row.round(),
    "signed zeros": lambda row: np.where(row < 0, -0.0, 0.0),
    "signed zero first": lambda row: np.where(np.arange(CLASSES) == 0, -0.0, 0.0),
}
HARD_WEIGHTS = {
    **WEIGHTS,
    "1e-30": lambda u: 1e-30 * u,
    "1e25": lambda u: 1e25 * u,  # gradients of LogitNorm are 1e9 times as large
    "denormal": lambda u: np.where(u < 0.5, 1e-42, u),
    "far apart": lambda u: np.where(u < 0.5, 1e-20, 1e4),
}
LARGEST = 1e37

every_loss = pytest.mark.parametrize("name", EXPORTED)


def runner(name):
    """Returns a function of labels, logits and weights, and whether order matters."""
    loss = on_logits(name)

    def run(labels, logits, weights):
        if loss.needs_index:
            index = ops.arange(ROWS, dtype="int32")
            labels = ops.stack([ops.cast(labels, "int32"), index], axis=1)
        return loss(labels, logits, weights)

    return with_gradient(run), loss


def lengths(loss, values):
    """Returns the length of each row for a loss that divides by it, else 1.

    The gradient at the unit vectors rounds as their similarities do; the gradient
    at the rows is that, over their lengths.
    """
    if not getattr(loss, "normalize", False):
        return np.ones((len(values), 1))
    return np.linalg.norm(values.astype("float64"), axis=1, keepdims=True)


def check(run, loss, batch):
    labels, logits, weights = arrays(batch, HARD_LOGITS, HARD_WEIGHTS)
    # A subnormal weight counts as 0.
    weights = np.where(weights < np.finfo("f4").tiny, 0, weights).astype("f4")
    with np.errstate(all="ignore"):
        expected = reference(loss, labels, logits, weights)
        plain = reference(loss, labels, logits, np.ones_like(weights))
    # Weights scale values and their rounding, but not what they are inside of.
    scale = 1.0 if type(loss).__name__ in A_BATCH else weights.max(initial=1)
    # What is weighed may be as large as a logit.
    if not max(abs(plain), np.abs(logits).max()) * scale < LARGEST:
        return  # no number of float32
    value, gradient = run(labels, logits, weights)
    assert np.isfinite(value), value
    assert np.all(np.isfinite(gradient)), gradient
    if not abs(value - expected) <= 1e-5 * abs(expected) + 1e-5 * scale:
        near = [reference(loss, labels, z, weights) for z in neighbours(loss, logits)]
        spread = 4 * np.max(np.abs(np.array(near) - expected))
        assert abs(value - expected) <= spread, (value, expected, spread)
    assert not np.any(gradient[weights == 0])
    again = other_rows(labels, logits, weights, batch[-1])
    order = np.arange(ROWS)
    if not loss.needs_index:
        again, order = shuffled(*again, batch[-1])
    same_value, same_gradient = run(*again)
    np.testing.assert_allclose(same_value, value, rtol=1e-4, atol=1e-6 * scale)
    gradient = gradient * lengths(loss, logits)
    same_gradient = same_gradient * lengths(loss, again[1])
    if not close(same_gradient, gradient[order]):
        assert not is_determined(run, loss, (labels, logits, weights), gradient), (
            same_gradient,
            gradient[order],
        )


def close(gradient, expected):
    atol = 1e-6 + 1e-4 * np.abs(expected).max()
    return np.allclose(gradient, expected, rtol=1e-3, atol=atol)


def neighbours(loss, logits):
    """Yields logits that differ by a rounding."""
    generator = np.random.default_rng(0)
    # A row that is scaled to unit length may be short: it changes in proportion.
    least = 0 if getattr(loss, "normalize", False) else 1
    for _ in range(20):
        size = 2e-7 * np.maximum(np.abs(logits), least)
        yield (logits + size * generator.choice([-1, 1], logits.shape)).astype("f4")


def is_determined(run, loss, batch, expected):
    """Whether the gradient stays what it is if logits change by a rounding.

    It does not where classes tie, where a gap whose absolute value counts is 0, or
    where what cancels is all there is: there the order of a sum decides.
    """
    labels, logits, weights = batch
    for near in neighbours(loss, logits):
        _, gradient = run(labels, near, weights)
        if not close(gradient * lengths(loss, near), expected):
            return False
    return True


TINY = ["denormal"] * 2
FOUND = [
    # Logits near 1e12, times LDAM's 30: NaN in a function compiled by XLA.
    ("LDAMLoss", (["all large"] * 7 + ["huge"], "any", "large", 0)),
    # All of one direction: the gradient at the unit vectors cancels to its rounding,
    # which rows shorter than 1 enlarge, a million times where they are next to 0.
    (
        "SupervisedContrastiveLoss",
        (["all large"] * 5 + ["equal"] + ["all large"] * 2, "any", "large", 1),
    ),
    (
        "SupervisedContrastiveLoss",
        (["all large"] + ["denormal"] * 7, "one class", "large", 0),
    ),
    # A class whose mean probability is its frequency: the sign of 0.
    (
        "MDCALoss",
        (
            ["far apart", "sharp", *TINY, "far apart", "one large", *TINY],
            "any",
            "one",
            2,
        ),
    ),
    # Ties of all classes: a gradient of 0, or of its rounding.
    (
        "MMCELoss",
        (
            ["denormal"] * 3 + ["far apart"] + ["huge"] * 2 + ["denormal"] * 2,
            "two classes",
            "small",
            737,
        ),
    ),
]


@pytest.mark.parametrize(("name", "batch"), FOUND, ids=[name for name, _ in FOUND])
def test_what_was_found_once(name, batch):
    check(*runner(name), batch)


HARD = [
    (["1e30", "tiny", "signed zeros", "usual"] * 2, "any", "one", 0),
    (["offset of 1e8"] * 4 + ["usual"] * 4, "any", "small", 1),
    (["signed zero first", "usual", "tie of two", "sharp"] * 2, "any", "1e-30", 2),
    (["largest of float16", "denormal", "usual", "zero"] * 2, "any", "far apart", 3),
]


@every_loss
def test_is_its_formula_where_numbers_end(name):
    run, loss = runner(name)
    for batch in HARD:
        check(run, loss, batch)


@pytest.mark.slow
@every_loss
def test_hard_batches(name):
    run, loss = runner(name)

    @fuzz
    @given(batches_of(HARD_LOGITS, HARD_WEIGHTS))
    def fuzzed(batch):
        check(run, loss, batch)

    fuzzed()
