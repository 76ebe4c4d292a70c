import fractions
import itertools
import math

import numpy as np
import pytest
import scipy.stats

from keras_refcal.fitting.conformal import conformal_threshold, fewest_samples
from keras_refcal.fitting.thresholds import (
    binomial_cdf,
    coverage_threshold,
    risk_threshold,
)

# Tests of the risk start at eight thresholds: each has an eighth of the failure.
STARTS = 8


@pytest.mark.parametrize("trials", [0, 1, 7, 100, 5000])
@pytest.mark.parametrize("probability", [1e-3, 0.05, 0.5, 0.99])
def test_binomial_is_that_of_scipy(trials, probability):
    for successes in {0, trials // 20, trials // 2, trials}:
        expected = scipy.stats.binom.cdf(successes, trials, probability)
        found = binomial_cdf(successes, trials, probability)
        assert found == pytest.approx(expected, rel=1e-8, abs=1e-200)


def samples(*blocks):
    """Confidence and correctness of (count, confidence, wrong) after another."""
    confidence = np.concatenate([np.full(n, c, "float32") for n, c, _ in blocks])
    correct = np.concatenate([np.arange(n) >= wrong for n, _, wrong in blocks])
    return confidence, correct


@pytest.mark.parametrize("risk", [0.02, 0.1, 0.3])
@pytest.mark.parametrize("failure", [0.01, 0.05, 0.2])
def test_the_risk_is_shown_from_so_many_right_answers_on(risk, failure):
    # Of n right answers (1 - risk) ** n must be at most an eighth of the failure.
    least = math.ceil(math.log(failure / STARTS) / math.log(1 - risk))
    assert (risk, failure) != (0.1, 0.05) or least == 49
    enough, too_few = samples((least, 0.99, 0)), samples((least - 1, 0.99, 0))
    assert risk_threshold(*too_few, risk, failure, 3) is None
    assert risk_threshold(*enough, risk, failure, 3) <= 1 / 3


@pytest.mark.parametrize("wrong", [1, 7, 40])
def test_the_risk_is_shown_by_an_exact_binomial_test(wrong):
    level, risk = 0.05 / STARTS, 0.1
    n = np.arange(wrong, 2000)
    least = int(n[scipy.stats.binom.cdf(wrong, n, risk) <= level][0])
    enough, too_few = samples((least, 0.99, wrong)), samples((least - 1, 0.99, wrong))
    assert risk_threshold(*too_few, risk, 0.05, 2) is None
    assert risk_threshold(*enough, risk, 0.05, 2) <= 0.5


def test_thresholds_are_tested_in_order_and_the_first_that_fails_ends_it():
    # Sure answers are right. Taken with all below 0.74 the risk is low again, but at
    # 0.74 it is not, and no test starts below.
    found = risk_threshold(
        *samples((60, 0.99, 0), (20, 0.74, 20), (2000, 0.55, 0)), 0.1, 0.05, 2
    )
    assert 0.74 < found < 0.76
    # One does start below 0.9.
    found = risk_threshold(
        *samples((60, 0.99, 0), (20, 0.9, 20), (2000, 0.8, 0), (500, 0.6, 500)),
        0.1,
        0.05,
        2,
    )
    assert 0.6 < found < 0.62


@pytest.mark.parametrize("n", [1, 13, 30, 400])
@pytest.mark.parametrize("target", [0.5, 0.8, 0.99])
@pytest.mark.parametrize("failure", [0.01, 0.05, 0.3])
def test_the_coverage_falls_short_no_oftener_than_promised(n, target, failure):
    confidence = np.random.default_rng(0).permutation(np.linspace(0.5, 1.0, n))
    found = coverage_threshold(confidence, target, failure)
    rank = int(np.searchsorted(np.sort(confidence), found)) + 1 if found else 0

    def short(rank):
        # Accepting from the confidence of this rank on: fewer than `target` of those
        # to come, if fewer than `rank` of n uniform numbers are below 1 - target.
        return scipy.stats.binom.cdf(rank - 1, n, 1 - target)

    assert rank == 0 or short(rank) <= failure
    assert short(rank + 1) > failure


def test_says_where_no_threshold_keeps_the_risk():
    none = np.zeros(0, "float32"), np.zeros(0, bool)
    assert risk_threshold(*none, 0.5, 0.1, 2) is None
    assert risk_threshold(*samples((400, 0.9, 40)), 1e-4, 0.1, 2) is None


def test_accepts_all_where_the_risk_is_low_everywhere():
    confidence = np.random.default_rng(0).uniform(0.25, 1, 1000).astype("float32")
    confidence[0] = 0.25
    threshold = risk_threshold(confidence, np.ones(1000, bool), 0.05, 0.1, 4)
    assert np.all(confidence >= threshold)


def test_the_conformal_rank_at_its_edges():
    for percent, n in itertools.product((1, 10, 29, 50, 57, 90, 99), range(1, 301)):
        exact = math.ceil((n + 1) * fractions.Fraction(percent, 100))
        found = conformal_threshold(np.arange(1.0, n + 1), percent / 100)
        # A little higher for rounding, but below the next score.
        assert (found is None) if exact > n else (exact <= found < exact + 0.01)
        assert (n >= fewest_samples(percent / 100)) == (exact <= n)
