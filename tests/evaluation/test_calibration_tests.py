"""Proper errors, Kuiper and Kolmogorov-Smirnov statistics, consistency resampling."""

import pathlib

import numpy as np
import pytest
import scipy.stats
from random_predictions import draw

from keras_refcal.evaluation import (
    calibration_test,
    evaluate,
    kolmogorov_smirnov_test,
    kuiper_test,
    proper_calibration_error,
)
from keras_refcal.evaluation.cumulative import maximum_tail, range_tail
from keras_refcal.evaluation.proper_error import _gains
from keras_refcal.predictions import as_predictions

GOLDEN = pathlib.Path(__file__).parents[1] / "golden" / "calibration_tests.npz"


@pytest.fixture(scope="module")
def golden():
    with np.load(GOLDEN) as file:
        return dict(file)


NAME = "proper_calibration_error"


def drawn(probabilities, seed=0):
    """Labels that the probabilities are calibrated for."""
    generator = np.random.default_rng(seed)
    upper = np.cumsum(probabilities, axis=1)
    chosen = np.sum(generator.random((len(upper), 1)) > upper, axis=1)
    return np.minimum(chosen, probabilities.shape[1] - 1)


def sharpened(probabilities, power):
    odds = probabilities**power
    return odds / odds.sum(axis=1, keepdims=True)


def test_proper_error_equals_probmetrics(golden):
    predictions = as_predictions(golden["labels"], golden["given"])
    for norm, expected in zip(golden["norms"], golden["proper"], strict=True):
        gains = _gains(predictions, slice(None), golden["repaired"], norm)
        assert gains.mean() == pytest.approx(expected, abs=1e-6), norm


@pytest.mark.parametrize("power", [1.0, 2.0, 0.5])
def test_proper_error_is_the_distance_that_is_there(power):
    """A temperature repairs all of it, so the error is the mean of |E[Y|f] - f|."""
    truth = np.random.default_rng(0).dirichlet(np.ones(4), 6000)
    given = sharpened(truth, power)
    for p in (1, 2, np.inf):
        distance = np.linalg.norm(truth - given, ord=p, axis=1).mean()
        found = proper_calibration_error(drawn(truth), given, p=p)
        # Three standard errors of the mean, 0.015 for p = 1.
        assert found == pytest.approx(distance, abs=0.045), p
    same = proper_calibration_error(drawn(truth), logits=np.log(given), p=np.inf)
    assert same == pytest.approx(found, abs=1e-6)


def test_proper_error_by_a_calibrator_of_ones_own():
    class Swap:
        def fit(self, labels, probabilities):
            return self

        def __call__(self, probabilities):
            return probabilities[:, ::-1]

    truth = np.random.default_rng(0).dirichlet(np.ones(2), 6000)
    labels = drawn(truth)
    by_swap = proper_calibration_error(labels, truth[:, ::-1], recalibration=Swap)
    distance = np.linalg.norm(truth - truth[:, ::-1], axis=1).mean()
    assert by_swap == pytest.approx(distance, abs=0.03)


def test_proper_error_of_calibrated_models_is_zero_in_the_mean():
    found = []
    for seed in range(100):
        truth = np.random.default_rng(seed).dirichlet(np.ones(3), 60)
        found.append(evaluate(drawn(truth, seed), truth, scores=NAME)[NAME])
    assert abs(np.mean(found)) < 3 * np.std(found) / 10


def test_statistics_equal_probmetrics(golden):
    scores, events = golden["scores"], golden["events"]
    assert kuiper_test(scores, events)[0] == pytest.approx(golden["kuiper"], abs=1e-6)
    found = kolmogorov_smirnov_test(scores, events)[0]
    assert found == pytest.approx(golden["kolmogorov_smirnov"], abs=1e-6)


def test_evaluate_tests_the_predicted_class():
    labels, probabilities = draw(0, 300, 4)
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == labels
    found = evaluate(labels, probabilities)
    for name, test in (
        ("kuiper", kuiper_test),
        ("kolmogorov_smirnov", kolmogorov_smirnov_test),
    ):
        expected = test(confidence, correct)
        assert (found[name], found[f"{name}_p_value"]) == pytest.approx(expected)


def test_tails_are_those_of_a_brownian_motion():
    # Closed forms near 0 (the first terms of the other series of theta functions).
    for x in (0.4, 0.7, 1.0):
        inside = 4 / np.pi * np.exp(-(np.pi**2) / (8 * x**2))
        inside -= 4 / (3 * np.pi) * np.exp(-9 * np.pi**2 / (8 * x**2))
        assert 1 - maximum_tail(x) == pytest.approx(inside, abs=1e-9)
    # The range has the mean sqrt(8 / pi), and the second moment 4 log 2.
    x = np.linspace(0, 12, 24_001)
    tails = np.array([range_tail(value) for value in x])
    assert np.trapezoid(tails, x) == pytest.approx(np.sqrt(8 / np.pi), abs=1e-6)
    assert np.trapezoid(2 * x * tails, x) == pytest.approx(4 * np.log(2), abs=1e-6)
    assert np.all(np.diff(tails) <= 1e-12) and range_tail(1e-9) == maximum_tail(0) == 1


@pytest.mark.parametrize("test", [kuiper_test, kolmogorov_smirnov_test])
def test_p_values_are_uniform_for_calibrated_scores(test):
    generator = np.random.default_rng(0)
    p_values = []
    for _ in range(500):
        scores = generator.beta(2, 1, 1000)
        p_values.append(test(scores, generator.random(1000) < scores)[1])
    # Discrete steps make the statistic a little smaller than that of the motion.
    assert scipy.stats.kstest(p_values, "uniform").statistic < 0.09
    assert 0.02 < np.mean(np.array(p_values) < 0.05) < 0.08
    scores = generator.beta(2, 1, 1000)
    assert test(scores, generator.random(1000) < scores**1.5)[1] < 1e-4


def test_ties_sure_scores_and_bad_input():
    scores, events = np.repeat([0.3, 0.6], 50), np.arange(100) % 2
    forward = kuiper_test(scores, events)
    assert kuiper_test(scores, events[::-1]) == pytest.approx(forward)
    assert forward[0] == pytest.approx(0.1)
    assert kuiper_test([0.0, 1.0], [0, 1]) == (0.0, 1.0)
    assert kuiper_test([1.0, 1.0], [0, 1])[1] == 0.0
    for bad in (([0.5], [1, 0]), ([1.5], [1]), ([0.5], [2]), ([], [])):
        with pytest.raises(ValueError, match="`scores`"):
            kuiper_test(*bad)


@pytest.mark.parametrize("score", ["ece", "classwise_ece", "kuiper"])
def test_consistency_resampling_holds_its_level(score):
    """P(p <= a) is at most a, whatever the bias of the error, for few samples too."""
    p_values = []
    for seed in range(60):
        truth = np.random.default_rng(seed).dirichlet(np.ones(3), 40)
        test = calibration_test(
            drawn(truth, seed), truth, score=score, resamples=19, seed=seed
        )
        p_values.append(test.p_value)
    # Of 60, 3 in the mean; more than 8 in 0.3 of a hundred cases.
    assert np.sum(np.array(p_values) <= 0.05) <= 8
    assert 0.4 < np.mean(p_values) < 0.65


def test_consistency_resampling_tells_bias_from_error():
    truth = np.random.default_rng(0).dirichlet(np.ones(3), 300)
    honest = calibration_test(drawn(truth), truth, resamples=99)
    assert honest.value == evaluate(drawn(truth), truth)["ece"]
    assert honest.expected == pytest.approx(honest.value, abs=0.03)
    overconfident = calibration_test(drawn(truth), sharpened(truth, 2), resamples=99)
    assert overconfident.p_value == 0.01
    for bad in ({"score": "accuracy"}, {"resamples": 0}):
        with pytest.raises(ValueError, match=f"`{next(iter(bad))}`"):
            calibration_test(drawn(truth), truth, **bad)


def test_debiased_error_equals_resampling_and_has_less_bias(golden):
    two = np.stack([1 - golden["scores"], golden["scores"]], axis=1)
    found = evaluate(golden["events"], two, scores="ece_debiased")["ece_debiased"]
    # A million resamples of bins with a standard deviation of 0.02 in all.
    assert found == pytest.approx(golden["debiased"], abs=1e-4)
    errors = []
    for seed in range(100):
        truth = np.random.default_rng(seed).dirichlet(np.ones(3), 400)
        figures = evaluate(drawn(truth, seed), truth, scores=["ece", "ece_debiased"])
        errors.append(list(figures.values()))
    plain, debiased = np.mean(errors, axis=0)
    assert debiased < 0.75 * plain
