import numpy as np
import pytest
import scipy.optimize

from keras_refcal.fitting.minimize import minimize


def quadratic(condition, size=20):
    generator = np.random.default_rng(0)
    basis, _ = np.linalg.qr(generator.normal(size=(size, size)))
    matrix = basis @ np.diag(np.geomspace(1, condition, size)) @ basis.T
    offset = generator.normal(size=size)
    return lambda x: (
        float(x @ matrix @ x / 2 - offset @ x),
        matrix @ x - offset,
    ), np.linalg.solve(matrix, offset)


@pytest.mark.parametrize("condition", [1.0, 1e2, 1e4])
def test_finds_the_minimum_of_a_quadratic(condition):
    function, solution = quadratic(condition)
    found = minimize(function, np.zeros(20))
    assert function(found)[0] <= function(solution)[0] + 1e-11
    np.testing.assert_allclose(found, solution, atol=1e-5)


def test_agrees_with_scipy_on_logistic_regression():
    generator = np.random.default_rng(1)
    features = generator.normal(size=(300, 6)) * np.geomspace(0.1, 100, 6)
    labels = np.sign(generator.normal(size=300) + features[:, 0])

    def function(w):
        margin = labels * (features @ w)
        value = np.mean(np.logaddexp(0, -margin)) + 1e-6 * w @ w
        slope = -labels / (1 + np.exp(margin)) / len(labels)
        return float(value), features.T @ slope + 2e-6 * w

    ours = minimize(function, np.zeros(6))
    theirs = scipy.optimize.minimize(function, np.zeros(6), jac=True, method="BFGS")
    assert function(ours)[0] <= theirs.fun + 1e-12
    assert np.max(np.abs(function(ours)[1])) < 1e-8


def test_stays_at_a_minimum_and_below_the_start():
    function, solution = quadratic(10.0)
    np.testing.assert_array_equal(minimize(function, solution), solution)
    short = minimize(function, np.ones(20), max_iterations=1)
    assert function(short)[0] < function(np.ones(20))[0]
