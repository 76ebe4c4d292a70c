import numpy as np
import pytest
import scipy.stats

from keras_refcal.fitting.thresholds import (
    binomial_cdf,
    coverage_threshold,
    risk_threshold,
)

REPEATS, SAMPLES, FAILURE = 300, 400, 0.1


@pytest.mark.parametrize("trials", [0, 1, 7, 100, 5000])
@pytest.mark.parametrize("probability", [1e-3, 0.05, 0.5, 0.99])
def test_binomial_is_that_of_scipy(trials, probability):
    for successes in {0, trials // 20, trials // 2, trials}:
        expected = scipy.stats.binom.cdf(successes, trials, probability)
        found = binomial_cdf(successes, trials, probability)
        assert found == pytest.approx(expected, rel=1e-8, abs=1e-200)


def draw(generator):
    """Confidence uniform on [0.5, 1], right with that probability."""
    confidence = generator.uniform(0.5, 1.0, SAMPLES).astype("float32")
    return confidence, generator.random(SAMPLES) < confidence


def test_the_risk_is_exceeded_no_oftener_than_promised():
    generator, exceeded, found = np.random.default_rng(0), 0, []
    for _ in range(REPEATS):
        threshold = risk_threshold(*draw(generator), 0.15, FAILURE, 2)
        if threshold is not None:
            found.append(threshold)
            exceeded += (1 - threshold) / 2 > 0.15
    # 3 standard deviations of a binomial of rate 0.1; the best threshold is 0.7.
    assert exceeded <= REPEATS * FAILURE + 3 * np.sqrt(REPEATS * FAILURE)
    assert len(found) > 0.75 * REPEATS
    assert 0.7 < np.median(found) < 0.85


def test_the_coverage_falls_short_no_oftener_than_promised():
    generator, short, found = np.random.default_rng(0), 0, []
    for _ in range(REPEATS):
        threshold = coverage_threshold(draw(generator)[0], 0.8, FAILURE)
        found.append(threshold)
        short += 2 * (1 - threshold) < 0.8
    band = 3 * np.sqrt(REPEATS * FAILURE * (1 - FAILURE))
    assert abs(short - REPEATS * FAILURE) <= band + 0.05 * REPEATS
    assert short <= REPEATS * FAILURE + band
    assert 0.56 < np.median(found) < 0.6


def test_says_where_no_threshold_keeps_the_risk():
    confidence, correct = draw(np.random.default_rng(0))
    assert risk_threshold(confidence, correct, 1e-4, FAILURE, 2) is None
    assert risk_threshold(confidence[:0], correct[:0], 0.5, FAILURE, 2) is None
    assert coverage_threshold(confidence[:3], 0.99, FAILURE) == 0.0


def test_accepts_all_where_the_risk_is_low_everywhere():
    confidence = np.random.default_rng(0).uniform(0.25, 1, 1000).astype("float32")
    confidence[0] = 0.25
    threshold = risk_threshold(confidence, np.ones(1000, bool), 0.05, FAILURE, 4)
    assert np.all(confidence >= threshold)
