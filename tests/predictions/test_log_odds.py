"""Logits are ranked by log-odds, which go on where softmax is rounded to 0 or 1."""

import numpy as np
import pytest
from scipy.special import logsumexp
from sklearn import metrics

from keras_refcal.evaluation import (
    evaluate,
    multiclass_auroc,
    out_of_distribution,
    risk_coverage_curve,
)
from keras_refcal.evaluation.classes import confident_mistakes
from keras_refcal.predictions import as_predictions
from keras_refcal.predictions.log_odds import LogOdds

SCALES = [1, 20, 60, 200]


def _logits(num_classes, scale, dtype="float64", samples=400):
    generator = np.random.default_rng(num_classes)
    labels = generator.integers(0, num_classes, samples)
    logits = generator.normal(size=(samples, num_classes))
    logits[np.arange(samples), labels] += 1
    return labels, (scale * logits).astype(dtype)


def _oracle(logits):
    exact = logits.astype("float64")
    others = [logsumexp(np.delete(exact, k, 1), axis=1) for k in range(exact.shape[1])]
    return exact - np.stack(others, axis=1)


def _expected(labels, odds):
    classes = range(odds.shape[1])
    ovr = [metrics.roc_auc_score(labels == k, odds[:, k]) for k in classes]
    ovo = []
    for k in classes:
        for other in set(classes) - {k}:
            rows = np.isin(labels, [k, other])
            ovo.append(metrics.roc_auc_score(labels[rows] == k, odds[rows, k]))
    correct, confidence = odds.argmax(axis=1) == labels, odds.max(axis=1)
    order = np.argsort(-confidence)
    errors = np.cumsum(~correct[order])
    count = np.arange(1, len(labels) + 1)
    aurc, right = np.mean(errors / count), np.mean(correct)
    fpr, tpr, _ = metrics.roc_curve(correct, confidence, drop_intermediate=False)
    answered, wrong = np.append(0, count), np.append(0, errors)
    return {
        "refinement": np.mean(ovo),
        "auroc_ovr": np.mean(ovr),
        "correctness_auroc": metrics.roc_auc_score(correct, confidence),
        "aupr_success": metrics.average_precision_score(correct, confidence),
        "aupr_error": metrics.average_precision_score(~correct, -confidence),
        "fpr_at_95_recall": fpr[tpr >= 0.95].min(),
        "aurc": aurc,
        "excess_aurc": aurc - (1 - right + right * np.log(right)),
        "augrc": np.trapezoid(wrong, answered) / len(labels) ** 2,
    }


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("num_classes", [2, 3, 10])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_ranking_figures_equal_those_of_log_odds(num_classes, scale, dtype):
    labels, logits = _logits(num_classes, scale, dtype)
    expected = _expected(labels, _oracle(logits))
    scores = evaluate(labels, logits=logits, scores=list(expected))
    assert scores == pytest.approx(expected, abs=1e-9)
    curve = risk_coverage_curve(labels, logits=logits)
    assert len(curve.risk) == len(labels)
    assert np.mean(curve.risk) == pytest.approx(expected["aurc"], abs=1e-9)


@pytest.mark.parametrize("shape", [(-1,), (-1, 1)])
def test_one_column_is_ranked_as_it_is(shape):
    labels, logits = _logits(2, 1)
    column = logits[:, 1] - logits[:, 0]
    names = [*_expected(labels, _oracle(logits))]
    plain = evaluate(labels, logits=column.reshape(shape), scores=names)
    auroc = metrics.roc_auc_score(labels, column)
    assert plain["refinement"] == pytest.approx(auroc, abs=1e-12)
    for scale in SCALES:
        scaled = evaluate(labels, logits=scale * column.reshape(shape), scores=names)
        assert scaled == pytest.approx(plain, abs=1e-12)


@pytest.mark.parametrize("scale", SCALES)
def test_weights_and_absent_classes(scale):
    labels, logits = _logits(5, scale)
    kept = ~np.isin(labels, [1, 3])
    labels, logits = labels[kept], logits[kept]
    weight = np.random.default_rng(0).integers(0, 3, len(labels))
    present = _oracle(logits[:, [0, 2, 4]])
    ids = np.searchsorted([0, 2, 4], labels)
    for multi_class, name in (("ovo", "refinement"), ("ovr", "auroc_ovr")):
        repeated = _expected(np.repeat(ids, weight), np.repeat(present, weight, 0))
        ours = multiclass_auroc(
            labels, logits=logits, multi_class=multi_class, sample_weight=weight
        )
        assert ours == pytest.approx(repeated[name], abs=1e-9)
    whole = _oracle(logits)[:, [0, 2, 4]]
    ours = multiclass_auroc(labels, logits=logits, renormalize=False)
    assert ours == pytest.approx(_expected(ids, whole)["refinement"], abs=1e-9)


def test_many_samples_are_ranked_alike():
    labels, logits = _logits(3, 60, samples=12_000)
    areas = [
        metrics.roc_auc_score(labels == k, _oracle(logits)[:, k]) for k in range(3)
    ]
    ours = multiclass_auroc(labels, logits=logits, multi_class="ovr")
    assert ours == pytest.approx(np.mean(areas), abs=1e-12)


@pytest.mark.parametrize("scale", [1e-30, 1, 200, 1e4, 1e30])
@pytest.mark.parametrize("num_classes", [2, 5])
def test_log_odds_and_entropy(scale, num_classes):
    _, logits = _logits(num_classes, scale, samples=6)
    odds = LogOdds(logits)
    columns = odds.of_classes(range(num_classes))
    np.testing.assert_allclose(columns.T, _oracle(logits), rtol=1e-12, atol=1e-15)
    np.testing.assert_array_equal(odds.of_predicted, columns.max(axis=0))
    # Entropy is the sum of p times -log p, each a function of the log-odds of p.
    surprise = np.logaddexp(0.0, -columns)
    logarithm = np.where(columns > 40, -columns, np.log(np.maximum(surprise, 1e-300)))
    expected = logsumexp(logarithm - surprise, axis=0)
    np.testing.assert_allclose(odds.log_entropy(), expected, rtol=1e-12, atol=1e-15)


def test_equal_rows_tie():
    odds = LogOdds(np.array([[1.0, 2.0, 50.0]] * 9 + [[0.0, 0.0, 0.0]]))
    for column in odds.of_classes([0, 1, 2]):
        assert len(set(column.tolist())) == 2
    assert odds.of_classes([0])[0, -1] == pytest.approx(np.log(1 / 2))


@pytest.mark.parametrize("scale", SCALES)
def test_data_are_told_apart_by_saturated_logits(scale):
    generator = np.random.default_rng(0)
    inside, outside = generator.normal(size=(300, 4)), generator.normal(size=(300, 4))
    inside[:, 0] += 2
    positive = np.arange(600) < 300
    logits = scale * np.concatenate([inside, outside])
    found = out_of_distribution(scale * inside, scale * outside)
    by_odds = metrics.roc_auc_score(positive, _oracle(logits).max(axis=1))
    assert found["msp"]["auroc"] == pytest.approx(by_odds, abs=1e-9)
    certain = -LogOdds(logits).log_entropy()
    by_entropy = metrics.roc_auc_score(positive, certain)
    assert found["entropy"]["auroc"] == pytest.approx(by_entropy, abs=1e-9)


def test_confident_mistakes_come_in_their_order():
    logits = np.array([[0.0, 50.0], [0.0, 90.0], [0.0, 70.0]])
    predictions = as_predictions([0, 0, 0], logits=logits)
    assert confident_mistakes(predictions).tolist() == [1, 2, 0]
    assert predictions.confidence.tolist() == [1.0, 1.0, 1.0]


def test_the_largest_logit_is_predicted_where_probabilities_tie():
    predictions = as_predictions([1, 0], logits=[[0.0, 1e-17], [-0.0, 0.0]])
    assert predictions.predicted.tolist() == [1, 0]
