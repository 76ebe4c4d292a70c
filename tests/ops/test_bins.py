import itertools

import keras
import numpy as np
import pytest

from keras_refcal.ops.bins import bin_index, convention_edges, uniform_edges

EDGE_VALUES = np.concatenate(
    [
        uniform_edges(15),
        np.nextafter(uniform_edges(15), np.float32(2)).clip(0, 1),
        np.nextafter(uniform_edges(15), np.float32(-1)).clip(0, 1),
        np.random.default_rng(0).random(12, dtype="float32"),
    ]
)


def oracle(value, edges, closed):
    for index, (low, high) in enumerate(itertools.pairwise(edges)):
        inside = low < value <= high if closed == "right" else low <= value < high
        if inside:
            return index
    return 0 if value <= edges[0] else len(edges) - 2


@pytest.mark.parametrize("convention", ["guo", "netcal", "torchmetrics"])
@pytest.mark.parametrize("shape", [(60,), (15, 4)])
def test_bins_of_values_on_and_beside_edges(convention, shape):
    edges, closed = convention_edges(15, convention)
    values = EDGE_VALUES.reshape(shape)
    expected = [oracle(v, edges, closed) for v in EDGE_VALUES]
    ours = bin_index(keras.ops.convert_to_tensor(values), edges, closed)
    ours = keras.ops.convert_to_numpy(ours)
    assert ours.shape == shape and ours.ravel().tolist() == expected
    assert bin_index(values, edges, closed, xp=np).ravel().tolist() == expected


@pytest.mark.parametrize("convention", ["guo", "netcal", "torchmetrics"])
@pytest.mark.parametrize("num_bins", [1, 2, 15, 31, 100])
def test_many_values_are_binned_as_few(convention, num_bins):
    edges, closed = convention_edges(num_bins, convention)
    near = [uniform_edges(num_bins), EDGE_VALUES]
    near += [np.nextafter(near[0], np.float32(side)).clip(0, 1) for side in (-1, 2)]
    values = np.concatenate(near)
    expected = [oracle(value, edges, closed) for value in values]
    many = np.tile(values, 2**15 // len(values))
    index = bin_index(many, edges, closed, xp=np).reshape(-1, len(values))
    assert (index == expected).all() and index.dtype == np.intp


def test_one_bin_takes_everything():
    assert bin_index(np.array([0.0, 0.5, 1.0]), uniform_edges(1), xp=np).sum() == 0


@pytest.mark.parametrize("num_bins", [0, -1, 2.5, "15", None])
def test_refuses_bad_number_of_bins(num_bins):
    with pytest.raises(ValueError, match="num_bins"):
        uniform_edges(num_bins)


def test_refuses_unknown_names():
    with pytest.raises(ValueError, match="convention"):
        convention_edges(15, "peer")
    with pytest.raises(ValueError, match="closed"):
        bin_index(np.zeros(2), uniform_edges(2), closed="both", xp=np)
