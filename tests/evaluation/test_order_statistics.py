"""Order statistics and partial sums, against sorted numbers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_refcal.evaluation.order_statistics import OrderStatistics

SMALLEST = np.finfo("float32").smallest_subnormal
values_like = st.one_of(
    st.floats(0, 1, width=32),
    st.sampled_from([0.0, float(SMALLEST), 0.25, 0.5, 1.0, 1.0009765625]),
)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@settings(deadline=None)
@given(st.lists(values_like, min_size=1, max_size=60), st.data())
def test_numbers_and_sums_are_those_of_sorted_numbers(dtype, values, data):
    values = np.array(values, dtype)
    index = st.integers(0, len(values) - 1)
    positions = np.sort(data.draw(st.lists(index, min_size=1, max_size=8)))
    others = [0.0, data.draw(values_like)]
    statistics = OrderStatistics(values, positions, others)
    found = statistics.at_positions
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, np.sort(values)[positions])
    for limit in [*found, *np.array(others, dtype)]:
        up_to, below = values[values <= limit], values[values < limit]
        assert np.isclose(statistics.sum_up_to(limit), up_to.sum(dtype="float64"))
        assert np.isclose(statistics.sum_below(limit), below.sum(dtype="float64"))


def test_many_numbers_that_share_leading_bits():
    generator = np.random.default_rng(0)
    values = generator.beta(0.05, 5, 20_000).astype("float32")
    values[:5000] = 0.5 + generator.uniform(0, 1e-4, 5000)
    positions = np.arange(15) * (len(values) // 15)
    found = OrderStatistics(values, positions)
    np.testing.assert_array_equal(found.at_positions, np.sort(values)[positions])
    sums = [values[values <= x].sum(dtype="float64") for x in found.at_positions]
    np.testing.assert_allclose(found.sum_up_to(found.at_positions), sums, rtol=1e-12)
