import numpy as np
import pytest

from keras_refcal.ops.class_groups import (
    checked_groups,
    disjoint_groups,
    named_groups,
    shot_groups,
    third_groups,
)


def test_shot_groups_at_their_bounds():
    groups = shot_groups([101, 100, 20, 19])
    assert [np.flatnonzero(m).tolist() for m in groups.values()] == [[0], [1, 2], [3]]


@pytest.mark.parametrize("num_classes", [2, 3, 10, 100])
def test_thirds_part_the_classes(num_classes):
    counts = np.random.default_rng(0).permutation(num_classes) + 1
    groups = third_groups(counts)
    assert np.sum(list(groups.values()), axis=0).tolist() == [1] * num_classes
    sizes = [m.sum() for m in groups.values()]
    assert max(sizes) - min(sizes) <= 1
    if num_classes > 2:
        assert counts[groups["head"]].min() > counts[groups["tail"]].max()


@pytest.mark.parametrize("groups", ["shots", "thirds", {"a": [1], "b": [0, 2]}])
def test_each_class_is_in_one_disjoint_group(groups):
    counts = [500, 50, 5, 40, 4]
    found = disjoint_groups(counts, groups)
    assert np.sum([*found.values()], axis=0).tolist() == [1] * 5
    for name, members in named_groups(counts, groups).items():
        np.testing.assert_array_equal(found[name], members)
    assert (("others" in found) and found["others"].tolist()) == (
        [False, False, False, True, True] if isinstance(groups, dict) else False
    )


def test_bad_groups_are_refused():
    for groups in ("terciles", {}, {"a": [9]}, {"a": [0.5]}, {"a": 1}, [[0]], None):
        with pytest.raises(ValueError, match="`groups` must be 'shots', 'thirds' or"):
            checked_groups(groups, 5)
    shared = {"a": [0, 1], "b": [1]}
    assert checked_groups(shared) == shared
    with pytest.raises(ValueError, match=r"not share classes.*\[1\]"):
        checked_groups(shared, disjoint=True)
