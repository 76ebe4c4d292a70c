"""Every golden metric value, from the published code's own runs."""

import golden_cases
import numpy as np
import pytest

from keras_refcal.evaluation import (
    Convention,
    calibration,
    evaluate,
    multiclass_auroc,
    proper_scores,
    selective,
    smooth,
)
from keras_refcal.evaluation.ranking import binary_auroc
from keras_refcal.ops import calibration_error
from keras_refcal.predictions import as_predictions

CLOSED = {"right": "guo", "left": "netcal", "left_top_own_bin": "torchmetrics"}


def top(p, n_bins, closed="right"):
    return calibration.top_label_counts(p.confidence, p.correct, n_bins, CLOSED[closed])


def of_counts(error):
    return lambda p, **options: error(top(p, **options), xp=np)


def ece_mass(p, n_bins, edges):
    edges = {"interp": "interpolated"}.get(edges, edges)
    return calibration.equal_mass_error(p.confidence, p.correct, n_bins, edges)


def sce(p, n_bins, average):
    classwise = calibration.classwise_counts(p, n_bins)
    if average == "max_label_plus_1":
        return calibration_error.expected_error(classwise, xp=np)[
            : p.labels.max() + 1
        ].mean()
    return calibration.classwise_error(p, classwise)


def adaptive(p, n_bins, threshold=0.0):
    return calibration.adaptive_errors(p, n_bins, [threshold])[0]


def auroc(p, multiclass="ovo", average="macro", binary=False, renormalise=True):
    return multiclass_auroc(
        p, multi_class=multiclass, average=average, renormalize=renormalise
    )


def brier(p, half=False):
    return proper_scores.brier_score(p) / (2 if half else 1)


def aupr(method):
    return {"ap": "average_precision"}.get(method, method)


def fpr95(p, rule):
    rule = {"0.9495": "fd_shifts"}.get(rule, rule)
    return selective.false_positive_rate_at_recall(p.correct, p.confidence, rule=rule)


def of_confidence(area, method):
    return lambda p: area(p.confidence, p.correct, method)


IMPLEMENTATIONS = {
    "accuracy": lambda p: p.correct.mean(),
    "ace": adaptive,
    "auroc": auroc,
    "auroc_present": auroc,
    "augrc": lambda p: selective.generalized_risk_coverage_area(
        p.confidence, p.correct
    ),
    "aupr_error": lambda p: selective.precision_recall_area(~p.correct, -p.confidence),
    "aupr_success": lambda p, method: selective.precision_recall_area(
        p.correct, p.confidence, aupr(method)
    ),
    "aurc": of_confidence(selective.risk_coverage_area, "prefix_mean"),
    "aurc_trapezoid": of_confidence(selective.risk_coverage_area, "trapezoid"),
    "avg_ce": of_counts(calibration_error.average_error),
    "brier": brier,
    "eaurc": of_confidence(selective.excess_risk_coverage_area, "prefix_mean"),
    "eaurc_trapezoid": of_confidence(selective.excess_risk_coverage_area, "trapezoid"),
    "ece": of_counts(calibration_error.expected_error),
    "ece_mass": ece_mass,
    "fail_auroc": lambda p: binary_auroc(p.correct, p.confidence),
    "fpr95": fpr95,
    "mce": of_counts(calibration_error.maximum_error),
    "nll": lambda p, clip=0.0: proper_scores.negative_log_likelihood(
        p.log_label_probability, clip
    ),
    "oe": of_counts(calibration_error.overconfidence_error),
    "rmsce": of_counts(calibration_error.root_mean_squared_error),
    "sce": sce,
    "smece_sigma": lambda p, sigma: smooth.smooth_error_at(
        p.confidence, p.correct, sigma
    ),
    "tace": adaptive,
}
NOT_OFFERED = {"ece_kde", "ece_kde_mnm", "auroc_refcal_fallback"}


def predictions(case):
    inputs = golden_cases.inputs(case)
    return as_predictions(inputs["labels"], inputs.get("probs"), inputs.get("logits"))


def offered(variants):
    return [
        parameter
        for parameter in golden_cases.parameters(*IMPLEMENTATIONS, variants=variants)
        if "legacy" not in parameter.values[1]["params"]
    ]


@pytest.mark.parametrize(
    ("case", "check"), offered(("reference", "alternative", "derived", "paper"))
)
def test_figure(case, check):
    value = IMPLEMENTATIONS[check["kind"]](predictions(case), **check["params"])
    golden_cases.assert_matches(case, check, value=value)


@pytest.mark.parametrize(("case", "check"), golden_cases.parameters("smece"))
def test_smooth_calibration_error(case, check):
    p = predictions(case)
    value, width = smooth.smooth_calibration_error(p.confidence, p.correct)
    # The width is a multiple of 1/1024: one step is not a disagreement.
    expected = check["outputs"]["width"]["value"]
    assert abs(width - expected) <= 1 / 1024
    golden_cases.assert_matches(case, check, value=value)


def test_no_reference_kind_is_left_out():
    kinds = golden_cases.INDEX["kinds"]
    metrics = {name for name, kind in kinds.items() if kind["topic"] == "metrics"}
    assert metrics - set(IMPLEMENTATIONS) - {"smece"} == NOT_OFFERED
    assert not golden_cases.parameters(*NOT_OFFERED)


def of_evaluate():
    for parameter in golden_cases.parameters("ece", "auroc", "aurc", "ace"):
        params = parameter.values[1]["params"]
        if params.get("n_bins", 15) == 15 and params.get("average") != "weighted":
            yield parameter


@pytest.mark.parametrize(("case", "check"), list(of_evaluate()))
def test_evaluate_gives_the_same(case, check):
    name = {"auroc": "refinement"}.get(check["kind"], check["kind"])
    if check["params"].get("multiclass") == "ovr":
        name = "auroc_ovr"
    value = evaluate(predictions(case), scores=[name])[name]
    golden_cases.assert_matches(case, check, value=value)


def test_evaluate_follows_the_convention():
    case, check = golden_cases.parameters("fpr95", variants=("alternative",))[0].values
    convention = Convention(false_positive_rate="closest")
    scores = evaluate(predictions(case), convention=convention)
    assert check["params"]["rule"] == "closest"
    golden_cases.assert_matches(case, check, value=scores["fpr_at_95_recall"])
