"""Ten thousand hard batches for every exported loss; and what they once found."""

import numpy as np
import pytest
from exported_losses import EXPORTED, on_logits
from fuzz_batches import ROWS, arrays, batches, other_rows, shuffled
from fuzz_compiled import with_gradient
from fuzz_settings import fuzz
from hypothesis import given
from keras import ops

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
    return np.linalg.norm(values.astype("float64"), axis=1, keepdims=True).clip(1e-6)


def check(run, loss, batch):
    labels, logits, weights = arrays(batch)
    value, gradient = run(labels, logits, weights)
    assert np.isfinite(value), value
    assert np.all(np.isfinite(gradient)), gradient
    if batch[2] in ("one", "whole"):
        # A weight below 1 counts as a part of a negative: the logarithm may be below 0.
        assert value >= -1e-6
    assert not np.any(gradient[weights == 0])
    again = other_rows(labels, logits, weights, batch[-1])
    order = np.arange(ROWS)
    if not loss.needs_index:
        again, order = shuffled(*again, batch[-1])
    same_value, same_gradient = run(*again)
    np.testing.assert_allclose(same_value, value, rtol=1e-4, atol=1e-6)
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


def is_determined(run, loss, batch, expected):
    """Whether the gradient stays what it is if logits change by a rounding.

    It does not where classes tie, where a gap whose absolute value counts is 0, or
    where what cancels is all there is: there the order of a sum decides.
    """
    labels, logits, weights = batch
    generator = np.random.default_rng(0)
    # A row that is scaled to unit length may be short: it changes in proportion.
    least = 0 if getattr(loss, "normalize", False) else 1
    for _ in range(20):
        size = 2e-7 * np.maximum(np.abs(logits), least)
        near = (logits + size * generator.choice([-1, 1], logits.shape)).astype("f4")
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


@pytest.mark.slow
@every_loss
def test_hard_batches(name):
    run, loss = runner(name)

    @fuzz
    @given(batches)
    def fuzzed(batch):
        check(run, loss, batch)

    fuzzed()
