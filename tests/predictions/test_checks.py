"""The one gate: what counts as scores, labels and weights, and what is refused."""

import numpy as np
import pytest

from keras_refcal import predictions as gate

HALF = np.full((2, 2), 0.5)


def test_sums_of_rows_have_one_tolerance():
    inside, outside = np.array([[0.5, 0.509]]), np.array([[0.5, 0.511]])
    gate.check_probabilities("probabilities", inside)
    assert gate.are_probabilities(inside)
    assert not gate.are_probabilities(outside)
    with pytest.raises(ValueError, match=r"row 0 sums to 1\.011"):
        gate.check_probabilities("probabilities", outside)


@pytest.mark.parametrize("from_logits", [True, False])
def test_one_column_is_two_classes(from_logits):
    scores = gate.as_outputs("scores", [0.25, 0.75])
    other = [0, 0] if from_logits else [0.75, 0.25]
    np.testing.assert_array_equal(
        gate.two_columns(scores, from_logits), np.stack([other, [0.25, 0.75]], axis=1)
    )


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0.3, 1], "whole numbers.*judge against the class that was observed"),
        ([0, -1], "from 0 to 1.*ids from -1 to 1|ids from -1 to 0"),
        ([0, 2], "from 0 to 1.*Received ids from 0 to 2"),
        ([0, np.nan], "whole numbers"),
        (["a", "b"], "as numbers. Received shape"),
        ([1j, 0], "as numbers. Received shape.*complex"),
        ([0, 1e300], "from 0 to 1.*Received ids from 0 to 1e.300"),
        (np.array([0, 2**64 - 1], "uint64"), "Received ids from 0 to 1.8"),
        ([0, 2**70], "as numbers.*object"),
        (np.ma.array([0, 1], mask=[0, 1]), "masked"),
        (np.zeros(2, [("a", "i1")]), "as numbers"),
        ([[1], [1, 0]], "every row of the same length"),
        ([[1, 1], [1, 0]], r"one-hot.*row 0 is \[1, 1\].*judge each column alone"),
        ([[0.3, 0.7], [1, 0]], "one-hot.*Soft labels"),
        ([[0, 7], [1, 8]], "one-hot"),
        ([[0, 0, 1], [1, 0, 0]], r"Received shape: \(2, 3\)"),
        ([0], "a label for each of the 2"),
    ],
)
def test_labels_that_are_none_are_refused(labels, message):
    with pytest.raises(ValueError, match=message):
        gate.as_class_ids(labels, 2, 2)


@pytest.mark.parametrize("labels", [[0, 1], [[0], [1]], [[1, 0], [0, 1]], [0.0, True]])
def test_labels_come_in_three_shapes(labels):
    ids = gate.as_class_ids(labels, 2, 2)
    assert ids.tolist() == [0, 1] and ids.dtype == "int64"


@pytest.mark.parametrize(
    "weights",
    [[-1, 1], [np.nan, 1], [np.inf, 1], [1e308] * 2, [1], "ab", [1j, 1], ["1", "2"]],
)
def test_weights_that_are_none_are_refused(weights):
    with pytest.raises(ValueError, match="`sample_weight` must"):
        gate.as_weights("sample_weight", weights, 2)


@pytest.mark.parametrize(
    "counts", [[1], [1, -1], [1, np.nan], [1, np.inf], [1, 1j], ["a", "b"], [1, 2**70]]
)
def test_class_counts_that_are_none_are_refused(counts):
    with pytest.raises(ValueError, match=r"`class_counts` must be .* 2 classes"):
        gate.as_class_counts(counts, 2)
    assert gate.as_class_counts([0, 2.5], 2).tolist() == [0, 2.5]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (HALF + 0j, "real numbers"),
        (HALF.astype(str), "real numbers"),
        (HALF.astype("float16").view("V2"), "real numbers"),
        (np.zeros((2, 2), [("a", "i1")]), "real numbers"),
        (np.ma.array(HALF, mask=np.eye(2)), "masked"),
        (np.zeros((0, 2)), "one sample or more"),
        (np.zeros((2, 2, 2)), "must have shape"),
        ([[0.5, np.nan]], "finite.*first in row 0"),
    ],
)
def test_scores_that_are_none_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        gate.as_outputs("scores", values)
