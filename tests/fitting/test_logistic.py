import numpy as np
import pytest
import scipy.optimize
import sklearn.linear_model

from keras_refcal.fitting.logistic import fit_logistic


def draw(slopes):
    generator = np.random.default_rng(0)
    features = np.column_stack([generator.normal(size=(500, 2)), np.ones(500)])
    odds = features @ np.array([*slopes, 0.3])
    targets = (generator.random(500) < 1 / (1 + np.exp(-odds))).astype("float64")
    return features, targets, np.full(500, 1 / 500)


def test_is_that_of_scikit_learn():
    features, targets, weights = draw((1.0, -0.5))
    theirs = sklearn.linear_model.LogisticRegression(
        C=1e9, fit_intercept=False, tol=1e-10, max_iter=1000
    ).fit(features, targets)
    np.testing.assert_allclose(
        fit_logistic(features, targets, weights), theirs.coef_[0], atol=1e-4
    )


@pytest.mark.parametrize("slopes", [(1.0, 0.5), (1.0, -0.5), (-1.0, 0.5), (-1, -1)])
def test_keeps_to_its_bounds(slopes):
    features, targets, weights = draw(slopes)

    def loss(c):
        return weights @ (np.logaddexp(0, features @ c) - targets * (features @ c))

    ours = fit_logistic(features, targets, weights, non_negative=(0, 1))
    bounds = [(0, None), (0, None), (None, None)]
    theirs = scipy.optimize.minimize(loss, np.ones(3), bounds=bounds, tol=1e-12)
    assert np.all(ours[:2] >= 0)
    assert loss(ours) <= theirs.fun + 1e-8
