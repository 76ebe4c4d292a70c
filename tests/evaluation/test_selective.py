import numpy as np
import pytest
from sklearn import metrics

from keras_refcal.evaluation import selective


def draw(seed, decimals, num_samples=200):
    generator = np.random.default_rng(seed)
    confidence = np.round(generator.random(num_samples), decimals)
    return confidence, generator.random(num_samples) < confidence


@pytest.mark.parametrize("decimals", [1, 2, 12])
@pytest.mark.parametrize("seed", range(3))
def test_precision_recall_equals_scikit_learn(seed, decimals):
    confidence, correct = draw(seed, decimals)
    for positive, scores in ((correct, confidence), (~correct, -confidence)):
        ours = selective.precision_recall_area(positive, scores)
        theirs = metrics.average_precision_score(positive, scores)
        assert abs(ours - theirs) < 1e-12
        precision, recall, _ = metrics.precision_recall_curve(positive, scores)
        ours = selective.precision_recall_area(positive, scores, "trapezoid")
        assert abs(ours - metrics.auc(recall, precision)) < 1e-12


@pytest.mark.parametrize("decimals", [1, 2, 12])
@pytest.mark.parametrize("seed", range(5))
def test_false_positive_rate_equals_scikit_learn(seed, decimals):
    confidence, correct = draw(seed, decimals)
    rate = selective.false_positive_rate_at_recall
    fpr, tpr, _ = metrics.roc_curve(correct, confidence, drop_intermediate=False)
    assert rate(correct, confidence) == fpr[tpr >= 0.95].min()
    assert rate(correct, confidence, rule="fd_shifts") == fpr[tpr >= 0.9495].min()
    fpr, tpr, _ = metrics.roc_curve(correct, confidence)
    closest = fpr[np.argmin(np.abs(tpr - 0.95))]
    assert rate(correct, confidence, rule="closest") == closest


def test_area_of_expected_order_is_the_mean_over_orders():
    confidence, correct = draw(1, 1, 40)
    generator = np.random.default_rng(0)
    areas = []
    for _ in range(3000):
        rows = generator.permutation(40)
        areas.append(selective.risk_coverage_area(confidence[rows], correct[rows]))
    expected = selective.risk_coverage_area(confidence, correct, "expected")
    assert abs(np.mean(areas) - expected) < 4 * np.std(areas) / 3000**0.5
    rows = generator.permutation(40)
    shuffled = selective.risk_coverage_area(confidence[rows], correct[rows], "expected")
    assert shuffled == pytest.approx(expected, abs=1e-12)


def test_methods_agree_without_ties():
    confidence, correct = draw(2, 15)
    assert selective.risk_coverage_area(confidence, correct) == pytest.approx(
        selective.risk_coverage_area(confidence, correct, "expected"), abs=1e-12
    )


def test_perfect_ranking_has_little_excess():
    correct = np.arange(5000) < 4000
    confidence = np.linspace(1, 0.2, 5000)
    assert abs(selective.excess_risk_coverage_area(confidence, correct)) < 1e-3


@pytest.mark.parametrize("correct", [np.ones(4, bool), np.zeros(4, bool)])
def test_all_right_and_all_wrong(correct):
    confidence = np.linspace(0.3, 0.9, 4)
    assert selective.excess_risk_coverage_area(confidence, correct) == pytest.approx(0)
    assert np.isnan(selective.false_positive_rate_at_recall(correct, confidence))
    expected = 1.0 if correct[0] else np.nan
    area = selective.precision_recall_area(correct, confidence)
    assert area == pytest.approx(expected, nan_ok=True)
