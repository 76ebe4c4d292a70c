import hypothesis
import hypothesis.strategies as st
import numpy as np
import sklearn.isotonic

from keras_refcal.fitting.isotonic import isotonic_blocks, merged, with_steps


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
    got = np.interp(grid, *isotonic_blocks(scores, targets, weights).knots())
    np.testing.assert_allclose(got, theirs.predict(grid), atol=1e-9)


def test_few_blocks_keep_the_ends_and_the_mean_and_stay_close():
    generator = np.random.default_rng(0)
    scores = np.sort(generator.random(5000))
    targets = (generator.random(5000) < scores).astype("float64")
    blocks = isotonic_blocks(scores, targets, np.ones(5000))
    knots, values = blocks.knots()
    fewer = merged(blocks, 16)
    few, less = fewer.knots()
    assert 2 <= len(few) <= 32 < len(knots)
    assert (few[0], few[-1], less[0], less[-1]) == (
        *(knots[0], knots[-1]),
        *(values[0], values[-1]),
    )
    assert fewer.masses.sum() == 5000
    np.testing.assert_allclose(fewer.masses @ fewer.values, targets.sum())
    assert np.all(np.diff(less) >= 0)
    error = np.interp(scores, few, less) - np.interp(scores, knots, values)
    assert np.mean(np.abs(error)) < 0.01
    for most in (1, 2, 3):
        assert len(merged(blocks, most).values) == most


@hypothesis.given(st.integers(0, 10**6), st.integers(1, 60), st.floats(1e-3, 10.0))
def test_steps_keep_the_value_of_every_sample(seed, samples, steepest):
    generator = np.random.default_rng(seed)
    # Neighbours that are one float32 apart, too.
    scores = (1 + generator.integers(0, 50, samples) * 2.0**-23).astype("float32")
    scores[::2] = generator.normal(size=len(scores[::2]))
    targets = (generator.random(samples) < 0.5).astype("float64")
    line = isotonic_blocks(scores, targets, np.ones(samples)).knots()
    knots, values = with_steps(*line, steepest)
    assert np.all(np.diff(knots) >= 0)
    assert np.all(np.diff(values) >= 0)
    width, rise = np.diff(knots), np.diff(values)
    assert np.all(rise[width > 0] <= steepest * width[width > 0])
    # The last knot below a score, or the line to the next.
    passed = scores[:, None] - knots[:-1]
    line_share = np.clip(passed / np.maximum(width, 1e-30), 0, 1)
    share = np.where(width > 0, line_share, passed > 0)
    got = values[0] + share @ rise
    np.testing.assert_allclose(got, np.interp(scores, *line), atol=1e-6)
