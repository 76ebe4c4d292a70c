import numpy as np
import pytest

from keras_refcal.ops.class_groups import shot_groups, third_groups


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
