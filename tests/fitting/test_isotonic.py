import hypothesis
import hypothesis.strategies as st
import numpy as np
import sklearn.isotonic

from keras_refcal.fitting.isotonic import isotonic_knots, thinned


@hypothesis.given(st.integers(0, 10**6), st.integers(1, 60), st.booleans())
def test_is_that_of_scikit_learn(seed, samples, ties):
    generator = np.random.default_rng(seed)
    scores = generator.random(samples)
    scores = np.round(scores, 1) if ties else scores
    targets = (generator.random(samples) < scores).astype("float64")
    weights = generator.random(samples) + 0.1
    theirs = sklearn.isotonic.IsotonicRegression(out_of_bounds="clip")
    theirs.fit(scores, targets, weights)
    grid = np.concatenate([scores, np.linspace(0, 1, 51)])
    got = np.interp(grid, *isotonic_knots(scores, targets, weights))
    np.testing.assert_allclose(got, theirs.predict(grid), atol=1e-9)


def test_thinning_keeps_the_ends_and_stays_close():
    generator = np.random.default_rng(0)
    scores = np.sort(generator.random(5000))
    targets = (generator.random(5000) < scores).astype("float64")
    knots, values = isotonic_knots(scores, targets, np.ones(5000))
    few, less = thinned(knots, values, 32)
    assert 2 <= len(few) <= 32 < len(knots)
    assert (few[0], few[-1], less[0], less[-1]) == (
        *(knots[0], knots[-1]),
        *(values[0], values[-1]),
    )
    assert np.all(np.diff(less) >= 0)
    error = np.interp(scores, few, less) - np.interp(scores, knots, values)
    assert np.mean(np.abs(error)) < 0.01
