"""Scores of the positive class of two, against scikit-learn and closed forms."""

import numpy as np
import pytest
from sklearn import metrics as theirs
from sklearn.linear_model import LogisticRegression

from keras_refcal.evaluation import binary_scores, evaluate, reliability_curve


def draw(samples=400, seed=0):
    generator = np.random.default_rng(seed)
    p = generator.beta(1, 4, samples)
    labels = (generator.random(samples) < 0.5 * p).astype(int)
    return labels, p, generator.integers(0, 4, samples)


def test_scores_are_those_of_scikit_learn():
    labels, p, weight = draw()
    found = binary_scores(labels, p, sample_weight=weight)
    given = {"sample_weight": weight}
    assert found["auroc"] == pytest.approx(theirs.roc_auc_score(labels, p, **given))
    assert found["auprc"] == pytest.approx(
        theirs.average_precision_score(labels, p, **given)
    )
    assert found["brier"] == pytest.approx(theirs.brier_score_loss(labels, p, **given))
    assert found["log_loss"] == pytest.approx(theirs.log_loss(labels, p, **given))
    log_odds = np.log(p / (1 - p))
    theirs_fit = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000)
    theirs_fit.fit(log_odds[:, None], labels, **given)
    assert found["calibration_slope"] == pytest.approx(theirs_fit.coef_[0, 0], rel=1e-4)
    assert found["calibration_intercept"] == pytest.approx(
        theirs_fit.intercept_[0], rel=1e-4
    )


def test_calibration_in_the_large_and_errors_by_hand():
    found = binary_scores([1, 0, 0, 1], [0.9, 0.7, 0.2, 0.3], num_bins=2)
    assert found["rate"] == 0.5
    assert found["mean_score"] == pytest.approx(0.525)
    assert found["calibration_in_the_large"] == pytest.approx(0.025)
    assert found["ece"] == pytest.approx((abs(1.6 - 1) + abs(0.5 - 1)) / 4)
    assert found["mce"] == pytest.approx(0.3)


def test_forms_of_predictions_agree():
    labels, p, _ = draw()
    expected = binary_scores(labels, p)
    names = np.where(labels == 1, "ill", "well")
    forms = [
        binary_scores(labels, np.stack([1 - p, p], axis=1)),
        binary_scores(names, p[:, None], pos_label="ill"),
        binary_scores(labels.reshape(20, 20), p.reshape(20, 20, 1)),
        binary_scores(labels, logits=np.log(p / (1 - p))),
        binary_scores(1 - labels, p, pos_label=0),
    ]
    for found in forms:
        assert found == pytest.approx(expected, rel=1e-9)
    assert 2 * expected["brier"] == pytest.approx(evaluate(labels, p)["brier"])
    curve = reliability_curve(labels, p, class_id=1)
    assert curve.expected_calibration_error == pytest.approx(expected["ece"])


def test_what_is_undefined_is_nan():
    found = binary_scores([0, 0], [0.2, 0.3])
    assert np.isnan([found["auroc"], found["auprc"], found["calibration_slope"]]).all()
    assert found["calibration_in_the_large"] == pytest.approx(0.25)
    with pytest.raises(ValueError, match="from 0 to 1"):
        binary_scores([0, 1, 2], [0.1, 0.2, 0.3])
    with pytest.raises(ValueError, match="and one other label"):
        binary_scores(["a", "b", "c"], [0.1, 0.2, 0.3], pos_label="a")
    with pytest.raises(ValueError, match=r"`classes`|two classes"):
        binary_scores([0, 1], np.full((2, 3), 1 / 3))
