"""Weights, groups, pixels and several labels in exact scores and curves."""

import numpy as np
import pytest
from sklearn import metrics as theirs

from keras_refcal import evaluation
from keras_refcal.evaluation import evaluate

# Bins of equally many rows, which weights do not define; folds of other rows; a bias
# taken off by the effective number of rows; and an area cut at other rows.
OF_ROWS = {
    *("ace", "tace", "ece_quantile", "rmsce_debiased", "aurc", "excess_aurc"),
    *("ece_debiased", "kuiper", "kuiper_p_value", "proper_calibration_error"),
    *("kolmogorov_smirnov", "kolmogorov_smirnov_p_value"),
    *("brier_calibration", "brier_refinement", "nll_calibration", "nll_refinement"),
}
UNWEIGHTED = {
    *("ace", "tace", "ece_quantile", "kuiper", "kuiper_p_value"),
    *("kolmogorov_smirnov", "kolmogorov_smirnov_p_value", "proper_calibration_error"),
}


def draw(samples=300, classes=4, seed=0):
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, classes, samples)
    logits = generator.normal(size=(samples, classes))
    logits += 2 * np.eye(classes)[labels] * generator.integers(0, 2, (samples, 1))
    p = np.exp(logits)
    return labels, p / p.sum(axis=1, keepdims=True), generator.integers(0, 4, samples)


def same(found, expected, names=None, **tolerance):
    for name in names or found:
        assert found[name] == pytest.approx(expected[name], nan_ok=True, **tolerance), (
            name
        )


def test_a_weight_is_so_many_rows_and_its_scale_none():
    labels, p, weight = draw()
    rows = np.repeat(np.arange(300), weight)
    found = evaluate(labels, p, sample_weight=weight)
    same(found, evaluate(labels[rows], p[rows]), set(found) - OF_ROWS, rel=1e-7)
    assert np.isnan([found[k] for k in UNWEIGHTED]).all()
    same(evaluate(labels, p, sample_weight=0.3 * weight), found, rel=1e-7)
    plain = evaluate(labels, p)
    even = evaluate(labels, p, sample_weight=np.full(300, 2.0))
    same(even, plain, set(plain) - UNWEIGHTED, rel=1e-7)


def test_weights_against_scikit_learn():
    labels, p, weight = draw()
    found = evaluate(labels, p, sample_weight=weight)
    kept = weight > 0
    given = {"sample_weight": weight}
    assert found["nll"] == pytest.approx(theirs.log_loss(labels, p, **given))
    right = p.argmax(axis=1) == labels
    assert found["accuracy"] == pytest.approx(np.average(right, weights=weight))
    area = theirs.roc_auc_score(right[kept], p.max(1)[kept], sample_weight=weight[kept])
    assert found["correctness_auroc"] == pytest.approx(area)
    area = theirs.average_precision_score(right, p.max(axis=1), **given)
    assert found["aupr_success"] == pytest.approx(area)


def test_groups_are_judged_alone():
    labels, p, weight = draw()
    site = np.array(["north", "south", "west"])[np.arange(300) % 3]
    options = {"bootstrap": 3, "scores": ["ece", "rmsce_debiased", "accuracy"]}
    found = evaluate(labels, p, sample_weight=weight, groups=site, **options)
    whole = evaluate(labels, p, sample_weight=weight, **options)
    same(found, whole, whole)
    assert list(found["groups"]) == ["north", "south", "west"]
    for name, scores in found["groups"].items():
        rows = site == name
        alone = evaluate(labels[rows], p[rows], sample_weight=weight[rows], **options)
        same(scores, alone)
    curves = evaluation.group_reliability_curves(labels, p, groups=site)
    rows = site == "south"
    np.testing.assert_allclose(
        curves["south"].accuracy,
        evaluation.reliability_curve(labels[rows], p[rows]).accuracy,
    )


def test_pixels_are_rows():
    labels, p, weight = draw()
    given = np.where(np.arange(300) % 7 == 0, 255, labels)
    image = (5, 6, 10)
    found = evaluate(
        given.reshape(image),
        p.reshape(*image, 4),
        sample_weight=weight.reshape(image),
        groups=np.arange(5),
        ignore_class=255,
        scores=["ece", "refinement", "nll"],
    )
    kept = given < 255
    flat = evaluate(
        labels[kept], p[kept], sample_weight=weight[kept], scores=list(found)[:3]
    )
    same(found, flat, flat)
    rows = kept & (np.arange(300) // 60 == 2)
    of_image = evaluate(
        labels[rows], p[rows], sample_weight=weight[rows], scores=["ece"]
    )
    assert found["groups"][2]["ece"] == pytest.approx(of_image["ece"])


def test_several_labels_are_the_mean_of_each():
    generator = np.random.default_rng(0)
    p = generator.random((200, 3))
    labels = (generator.random(p.shape) < p**2).astype(int)
    given = np.where(generator.random(p.shape) < 0.2, -1, labels)
    names = ["cat", "dog", "owl"]
    found = evaluate(
        given, p, multi_label=True, classes=names, ignore_class=-1, bootstrap=2
    )
    alone = {}
    for k, name in enumerate(names):
        kept = given[:, k] >= 0
        alone[name] = evaluate(given[kept, k], p[kept, k], bootstrap=2)
        same(found["labels"][name], alone[name])
        area = theirs.roc_auc_score(given[kept, k], p[kept, k])
        assert found["labels"][name]["refinement"] == pytest.approx(area)
        brier = theirs.brier_score_loss(given[kept, k], p[kept, k])
        assert found["labels"][name]["brier"] == pytest.approx(2 * brier)
    for score in ("ece", "refinement", "nll", "aurc"):
        mean = np.mean([scores[score] for scores in alone.values()])
        assert found[score] == pytest.approx(mean)
    logits = np.log(p / (1 - p))
    of_logits = evaluate(labels, logits=logits, multi_label=True, scores=["ece"])
    assert of_logits["ece"] == pytest.approx(
        evaluate(labels, p, multi_label=True, scores=["ece"])["ece"], abs=1e-9
    )


def test_a_label_that_never_occurs_has_no_area():
    p = np.array([[0.2, 0.4], [0.7, 0.1]])
    found = evaluate(
        [[0, 0], [1, 0]], p, multi_label=True, scores=["refinement", "ece"]
    )
    assert np.isnan(found["labels"][1]["refinement"])
    assert found["refinement"] == 1.0


def test_curves_are_weighted():
    labels, p, weight = draw()
    rows = np.repeat(np.arange(300), weight)
    given = {"sample_weight": weight}
    found = evaluation.reliability_curve(labels, p, **given)
    whole = evaluation.reliability_curve(labels[rows], p[rows])
    for name in ("weight", "confidence", "accuracy"):
        np.testing.assert_allclose(getattr(found, name), getattr(whole, name))
    assert np.nansum(found.rows) < np.nansum(whole.rows)  # bands are wider
    histogram = evaluation.confidence_histogram(labels, p, **given)
    np.testing.assert_allclose(
        histogram.wrong, evaluation.confidence_histogram(labels[rows], p[rows]).wrong
    )
    found = evaluation.risk_coverage_curve(labels, p, **given)
    whole = evaluation.risk_coverage_curve(labels[rows], p[rows])
    np.testing.assert_allclose(found.risk, whole.risk)
    found = evaluation.class_calibration(labels, p, **given)
    whole = evaluation.class_calibration(labels[rows], p[rows])
    for name in ("accuracy", "confidence", "precision", "error"):
        np.testing.assert_allclose(getattr(found, name), getattr(whole, name))


def test_what_does_not_fit_is_named():
    labels, p, _ = draw()
    with pytest.raises(ValueError, match="a 0 or 1 for each label"):
        evaluate(labels, p, multi_label=True)
    with pytest.raises(ValueError, match="no meaning with `multi_label=True`"):
        evaluate(np.eye(4)[labels], p, multi_label=True, class_counts=[1, 2, 3, 4])
    with pytest.raises(ValueError, match=r"Label 2: .*class ids from 0 to 1"):
        evaluate(np.eye(4)[labels] * [1, 1, 2, 1], p, multi_label=True)
    with pytest.raises(ValueError, match="one of `class_counts` and `groups`"):
        evaluation.group_reliability_curves(labels, p)
