"""The values of the authors' code (dirichletcal, Guo et al.), solved to convergence."""

import pathlib

import golden_cases
import numpy as np
import pytest
from calibration_data import nll
from shared_data import shared_data

from keras_refcal.evaluation import evaluate
from keras_refcal.fitting.affine import Change, affine_loss
from keras_refcal.fitting.linear import odir_penalty
from keras_refcal.fitting.validation_set import (
    ValidationSet,
    log_softmax,
    sample_shares,
)
from keras_refcal.layers import (
    DirichletCalibration,
    EnsembleTemperatureScaling,
    LaplaceTemperatureScaling,
    StructuredMatrixScaling,
    StructuredVectorScaling,
    TemperatureScaling,
    VectorScaling,
    VennAbersCalibration,
)
from keras_refcal.predictions import as_class_ids

GOLDEN = pathlib.Path(__file__).parents[2] / "golden"


def numbers(x):
    from keras import ops

    return ops.convert_to_numpy(x)


@pytest.mark.parametrize(("case", "check"), golden_cases.parameters("temperature_nll"))
def test_temperature(case, check):
    given = golden_cases.inputs(case)
    layer = TemperatureScaling().fit(given["labels"], given["logits"])
    before = evaluate(given["labels"], logits=given["logits"])
    after = evaluate(given["labels"], numbers(layer(given["logits"])))
    golden_cases.assert_matches(
        case,
        check,
        T=numbers(layer.temperature),
        nll_before=before["nll"],
        nll_after=after["nll"],
        ece15_before=before["ece"],
        ece15_after=after["ece"],
    )
    assert after["nll"] == pytest.approx(check["outputs"]["nll_after"]["value"], 1e-6)


@pytest.mark.parametrize(("case", "check"), golden_cases.parameters("vector_scaling"))
def test_vector(case, check):
    given = golden_cases.inputs(case)
    layer = VectorScaling(l2=1e-7).fit(given["labels"], given["logits"])
    after = nll(given["labels"], layer(given["logits"]))
    golden_cases.assert_matches(
        case, check, w=numbers(layer.scale), b=numbers(layer.bias), nll_after=after
    )
    assert after == pytest.approx(check["outputs"]["nll_after"]["value"], 1e-6)


@pytest.mark.parametrize(
    ("case", "check"), golden_cases.parameters("dirichlet_objective")
)
def test_dirichlet_objective(case, check):
    given, params = golden_cases.inputs(case), check["params"]
    logits = given["logits"].astype("float64")
    labels = as_class_ids(given["labels"], *logits.shape)
    data = ValidationSet(
        labels,
        log_softmax(logits),
        sample_shares(labels, logits.shape[1]),
    )
    matrix = given[params["W_input"]].astype("float64")
    bias = given[params["b_input"]].astype("float64")
    value, of_matrix, of_bias = affine_loss(matrix, bias, data)
    penalty = odir_penalty(len(bias), params["lam"], params["mu"])
    off = Change(np.zeros(len(bias)), bias, matrix - np.diag(np.diag(matrix)))
    of_penalty, slopes = penalty.value_and_gradient(off)
    golden_cases.assert_matches(
        case,
        check,
        value=value + of_penalty,
        grad_W=of_matrix + slopes.mixing,
        grad_b=of_bias + slopes.bias,
    )


@pytest.mark.parametrize(("case", "check"), golden_cases.parameters("dirichlet_odir"))
def test_dirichlet(case, check):
    given, params = golden_cases.inputs(case), check["params"]
    layer = DirichletCalibration(reg_lambda=params["lam"], reg_mu=params["mu"])
    layer.fit(given["labels"], given["logits"])
    after = nll(given["labels"], layer(given["logits"]))
    golden_cases.assert_matches(
        case, check, W=numbers(layer.matrix), b=numbers(layer.bias), nll_after=after
    )
    assert after == pytest.approx(check["outputs"]["nll_after"]["value"], 1e-5)


@pytest.mark.parametrize(
    ("name", "temperature", "ece"),
    [("densenet40", 3.090, 0.0610), ("wide_resnet28", 1.665, 0.0443)],
)
def test_temperature_of_published_long_tailed_networks(name, temperature, ece):
    with np.load(shared_data("logits", f"cifar10_lt_{name}.npz")) as file:
        layer = TemperatureScaling().fit(file["val_labels"], file["val_logits"])
        probabilities = numbers(layer(file["test_logits"]))
        scores = evaluate(file["test_labels"], probabilities)
    assert float(layer.temperature) == pytest.approx(temperature, abs=5e-4)
    assert scores["ece"] == pytest.approx(ece, abs=5e-5)


OF_PROBMETRICS = {
    "ts-mix": LaplaceTemperatureScaling,
    "ets": EnsembleTemperatureScaling,
    "svs": lambda: StructuredVectorScaling(penalty=1.0),
    "sms": lambda: StructuredMatrixScaling(penalty=1.0),
    "ivap-ovr": lambda: VennAbersCalibration(max_edges=299, fallback=False),
}

CASES_OF_PROBMETRICS = [
    (name, classes)
    for name in OF_PROBMETRICS
    for classes in (2, 4, 20)
    if (name, classes) != ("ivap-ovr", 20)  # of which its code makes NaN
]


@pytest.mark.parametrize(("name", "classes"), CASES_OF_PROBMETRICS)
def test_is_what_probmetrics_makes(name, classes):
    """`tests/golden/make_probmetrics.py` made the values."""
    with np.load(GOLDEN / "probmetrics.npz") as file:
        labels, logits = file[f"labels_{classes}"], file[f"logits_{classes}"]
        theirs = file[f"{name}_{classes}"]
    ours = numbers(OF_PROBMETRICS[name]().fit(labels, logits)(logits))
    # Its minimisers of penalised losses compute in float32 and stop early.
    atol = 3e-3 if name in ("svs", "sms") else 1e-6
    np.testing.assert_allclose(ours, theirs, atol=atol)
    assert nll(labels, ours) <= nll(labels, theirs) + 1e-5
