import numpy as np
import pytest
from random_predictions import draw, softmax
from scipy.optimize import minimize_scalar
from sklearn.metrics import log_loss

from keras_refcal.evaluation import evaluate
from keras_refcal.evaluation.inputs import as_predictions
from keras_refcal.evaluation.proper_scores import temperature_refinement


@pytest.mark.parametrize("scale", [0.02, 0.5, 1.0, 4.0, 60.0])
def test_temperature_is_the_optimum(scale):
    labels, probabilities = draw(1, 300, 5)
    logits = np.log(probabilities) * scale
    rows = np.arange(300)

    def loss(log_temperature):
        scaled = softmax(logits / np.exp(log_temperature))
        return -np.mean(np.log(scaled[rows, labels] + 1e-300))

    best = minimize_scalar(loss, bounds=(-6, 6), method="bounded")
    figures = evaluate(labels, logits=logits)
    assert figures["nll_refinement"] == pytest.approx(best.fun, abs=1e-8)
    assert figures["temperature"] == pytest.approx(np.exp(best.x), rel=1e-3)
    assert figures["nll"] == pytest.approx(loss(0.0), abs=1e-8)
    parts = figures["nll_calibration"] + figures["nll_refinement"]
    assert parts == pytest.approx(figures["nll"])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_probabilities_and_logits_agree(dtype):
    labels, probabilities = draw(2, 300, 5)
    from_logits = evaluate(labels, logits=np.log(probabilities))
    figures = evaluate(labels, probabilities.astype(dtype))
    for name in ("nll", "nll_refinement", "temperature", "brier", "refinement"):
        assert figures[name] == pytest.approx(from_logits[name], rel=2e-5), name


def test_all_right_and_all_wrong():
    right = as_predictions([0, 1, 2], logits=0.1 * np.eye(3))
    loss, temperature = temperature_refinement(right)
    assert loss == pytest.approx(1 / 4, abs=1e-4)  # what three samples can show
    assert temperature == pytest.approx(0.1 / np.log(2 / (np.exp(0.25) - 1)), rel=1e-4)
    wrong = as_predictions([1, 2, 0], logits=3 * np.eye(3))
    loss, temperature = temperature_refinement(wrong)
    assert temperature == pytest.approx(1e3, rel=1e-3)
    assert loss == pytest.approx(np.log(3), abs=2e-3)


def test_parts_of_the_brier_score():
    labels, probabilities = draw(3, 400, 4)
    figures = evaluate(labels, probabilities)
    one_hot = np.eye(4)[labels]
    assert figures["brier"] == pytest.approx(
        np.mean(np.sum((probabilities - one_hot) ** 2, axis=1))
    )
    calibration = 0.0
    for column, events in zip(probabilities.T, one_hot.T, strict=True):
        bins = np.ceil(column * 15)
        for index in np.unique(bins):
            inside = bins == index
            gap = column[inside].mean() - events[inside].mean()
            calibration += inside.mean() * gap**2
    assert figures["brier_calibration"] == pytest.approx(calibration)
    parts = figures["brier_calibration"] + figures["brier_refinement"]
    assert parts == pytest.approx(figures["brier"])


def test_log_loss_equals_scikit_learn():
    labels, probabilities = draw(4, 100, 3)
    nll = evaluate(labels, probabilities)["nll"]
    assert nll == pytest.approx(log_loss(labels, probabilities))


def test_impossible_label_costs_infinitely():
    figures = evaluate([1, 0, 1], [[1.0, 0.0], [0.8, 0.2], [0.3, 0.7]])
    assert figures["nll"] == np.inf and figures["nll_calibration"] == np.inf
    assert np.isfinite(figures["nll_refinement"])
