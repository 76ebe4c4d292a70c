import functools

import numpy as np
import pytest
from random_predictions import draw

from keras_refcal.evaluation import PoissonBootstrap, evaluate
from keras_refcal.evaluation.bootstrap import percentile_interval
from keras_refcal.ops import calibration_error
from keras_refcal.ops.bins import bin_index, uniform_edges
from keras_refcal.predictions import as_predictions


def test_intervals_are_seeded_and_hold_the_accuracy():
    labels, probabilities = draw(0, 300, 4)
    names = ["accuracy", "brier"]
    first = evaluate(labels, probabilities, scores=names, bootstrap=200, seed=3)
    again = evaluate(labels, probabilities, scores=names, bootstrap=200, seed=3)
    other = evaluate(labels, probabilities, scores=names, bootstrap=200, seed=4)
    assert first == again != other
    error = np.sqrt(first["accuracy"] * (1 - first["accuracy"]) / 300)
    low, high = first["accuracy_low"], first["accuracy_high"]
    assert low < first["accuracy"] < high
    assert high - low == pytest.approx(2 * 1.96 * error, rel=0.2)


def test_intervals_do_not_depend_on_the_figures_asked_for():
    labels, probabilities = draw(1, 60, 3)
    alone = evaluate(labels, probabilities, scores="ece", bootstrap=20)
    among = evaluate(labels, probabilities, bootstrap=20)
    assert alone["ece_low"] == among["ece_low"]
    assert set(among) == {
        name + end for name in evaluate(labels, probabilities) for end in ENDS
    }


ENDS = ("", "_low", "_high")


def test_replicates_equal_evaluating_the_drawn_rows():
    labels, probabilities = draw(2, 80, 5)
    rows = np.random.default_rng(0).integers(80, size=80)
    drawn = evaluate(labels[rows], probabilities[rows])
    scores = evaluate(labels, probabilities, bootstrap=1)
    for name, value in drawn.items():
        assert scores[f"{name}_low"] == pytest.approx(value, nan_ok=True), name


def test_intervals_leave_the_same_share_out_on_both_sides():
    assert percentile_interval(np.arange(101), 0.9) == (5, 95)
    assert percentile_interval(np.arange(101)[::-1], 0.5) == (25, 75)
    assert percentile_interval(np.arange(1001)) == (25, 975)


def test_undefined_replicates_are_left_out():
    assert percentile_interval([np.nan, 1.0, 2.0], 0.9) == (1.0, 2.0)
    assert np.isnan(percentile_interval([np.nan])).all()
    assert percentile_interval([1.0, np.inf, np.inf], 0.99) == (1.0, np.inf)


def test_poisson_replicates_spread_as_drawn_rows_do():
    labels, probabilities = draw(3, 2000, 4)
    p = as_predictions(labels, probabilities)
    index = bin_index(p.confidence, uniform_edges(15), xp=np)
    poisson = PoissonBootstrap(15, replicates=400, seed=1)
    for start in range(0, 2000, 700):
        rows = slice(start, start + 700)
        poisson.update(index[rows], p.confidence[rows], p.correct[rows])
    low, high = poisson.interval(
        functools.partial(calibration_error.expected_error, xp=np)
    )
    scores = evaluate(labels, probabilities, scores="ece", bootstrap=400)
    width = scores["ece_high"] - scores["ece_low"]
    assert high - low == pytest.approx(width, rel=0.25)
    assert low == pytest.approx(scores["ece_low"], abs=width / 4)


def test_poisson_weights_scale_the_counters():
    samples = ([0, 1, 1], [0.2, 0.7, 0.8], [1, 0, 1])
    once, twice = PoissonBootstrap(2, 50), PoissonBootstrap(2, 50)
    once.update(*samples)
    twice.update(*samples, weight=np.full(3, 2.0))
    assert np.allclose(2 * once.counts.confidence, twice.counts.confidence)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bootstrap": -1}, "bootstrap"),
        ({"bootstrap": 2.5}, "bootstrap"),
        ({"confidence_level": 1.0}, "confidence_level"),
    ],
)
def test_refuses_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        evaluate([0, 1], [0.3, 0.8], **options)
