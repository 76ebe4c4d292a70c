import golden_cases
import numpy as np
import pytest
from shared_data import shared_data

from keras_refcal import data

KINDS = {"exp": "exponential", "step": "step"}


def labels_of(case, params):
    if "labels" in case["inputs"]:
        return golden_cases.inputs(case)["labels"].astype("int64")
    return np.arange(params["N"]) % params["num_classes"]


@pytest.mark.parametrize("case, check", golden_cases.parameters("longtail_counts"))
def test_golden_counts(case, check):
    params = check["params"]
    counts = data.class_counts(
        params["N"] / params["num_classes"],
        params["num_classes"],
        params["ratio"],
        KINDS[params["imb_type"]],
    )
    golden_cases.assert_matches(case, check, counts=counts)


@pytest.mark.parametrize("case, check", golden_cases.parameters("longtail_indices"))
def test_golden_indices(case, check):
    params = check["params"]
    indices = data.long_tail_indices(
        labels_of(case, params),
        params["num_classes"],
        params["ratio"],
        params["seed"],
        KINDS[params["imb_type"]],
    )
    assert len(indices) == check["length"]
    assert data.checksum(indices) == check["sha256"]


def test_inverse_factor_is_the_same_draw():
    labels = np.arange(300) % 3
    np.testing.assert_array_equal(
        data.long_tail_indices(labels, 3, 10), data.long_tail_indices(labels, 3, 0.1)
    )


def test_smaller_factors_keep_the_first_of_each_class():
    with np.load(shared_data("cifar10", "labels.npz")) as file:
        labels = file["train"].astype("int64")
    draws = {f: data.long_tail_indices(labels, 10, f) for f in (0.1, 0.02, 0.01)}
    counts = np.bincount(labels[draws[0.1]])
    assert counts.tolist()[:2] == [5000, 3871] and counts[-1] == 500
    for label in range(10):
        largest = draws[0.1][labels[draws[0.1]] == label]
        for factor in (0.02, 0.01):
            smaller = draws[factor][labels[draws[factor]] == label]
            np.testing.assert_array_equal(smaller, largest[: len(smaller)])


@pytest.mark.parametrize("factor", [0, -1, float("nan"), float("inf")])
def test_refuses_bad_factors(factor):
    with pytest.raises(ValueError, match="imbalance_factor"):
        data.class_counts(100, 10, factor)


def test_refuses_a_factor_that_empties_a_class():
    with pytest.raises(ValueError, match="leave every class a sample"):
        data.class_counts(10, 10, 0.01)


@pytest.mark.parametrize(
    "labels, message",
    [
        ([0, 0, 1, 3], "from 0 to 2"),
        ([0, 0, 1, 1], "Missing: 2"),
        ([], "shape"),
        ([[0, 1, 2]], "shape"),
        ([0.0, 1.0, 2.0], "float64"),
        ([0] * 9 + [1] * 3 + [2] * 3, "which has 3"),
    ],
)
def test_refuses_labels_that_do_not_fit(labels, message):
    with pytest.raises(ValueError, match=message):
        data.long_tail_indices(labels, 3, 1.0)


def test_unbalanced_sets_take_a_largest_class():
    labels = np.repeat(np.arange(4), [90, 60, 40, 50])
    with pytest.raises(ValueError, match="Give a smaller `max_count`"):
        data.long_tail_indices(labels, 4, 0.9)
    chosen = data.long_tail_indices(labels, 4, 0.5, max_count=50)
    assert np.bincount(labels[chosen]).tolist() == [50, 39, 31, 25]
