import numpy as np
import pytest

from keras_refcal.fitting.isotonic import isotonic_blocks
from keras_refcal.fitting.venn_abers import coarsened, venn_abers


@pytest.mark.parametrize("samples", [1, 2, 7, 60])
@pytest.mark.parametrize("weighted", [True, False])
def test_is_isotonic_regression_with_the_sample_added_both_ways(samples, weighted):
    generator = np.random.default_rng(samples)
    for _ in range(10):
        scores = generator.integers(0, samples, samples) / samples
        targets = (generator.random(samples) < scores).astype("float64")
        weights = generator.random(samples) + 0.5 if weighted else np.ones(samples)
        distinct, found = venn_abers(scores, targets, weights)
        for score, value in zip(distinct, found, strict=True):
            p0, p1 = (
                np.interp(
                    score,
                    *isotonic_blocks(
                        np.append(scores, score),
                        np.append(targets, target),
                        np.append(weights, 1.0),
                    ).knots(),
                )
                for target in (0.0, 1.0)
            )
            assert value == pytest.approx(p1 / (1 - p0 + p1), abs=1e-12)


def test_coarser_values_are_few_and_near():
    values = 1 / (1 + np.exp(-np.linspace(-9, 5, 500)))
    found = coarsened(values, 40)
    assert len(np.unique(found)) <= 40
    log_odds = np.log(found) - np.log1p(-found)
    assert np.abs(log_odds - np.linspace(-9, 5, 500)).max() < 14 / 40
    np.testing.assert_array_equal(coarsened(found, 40), found)
