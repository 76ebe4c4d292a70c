import numpy as np
import pytest
from random_predictions import draw, softmax
from scipy.optimize import minimize_scalar
from sklearn.metrics import log_loss

from keras_refcal.evaluation import evaluate
from keras_refcal.evaluation.refinement import in_sample_refinement
from keras_refcal.fitting.validation_set import folds_of
from keras_refcal.predictions import as_predictions


@pytest.mark.parametrize("scale", [0.02, 0.5, 1.0, 4.0, 60.0])
def test_temperature_is_the_optimum(scale):
    labels, probabilities = draw(1, 300, 5)
    logits = np.log(probabilities) * scale
    rows = np.arange(300)

    def loss(log_temperature):
        scaled = softmax(logits / np.exp(log_temperature))
        return -np.mean(np.log(scaled[rows, labels] + 1e-300))

    best = minimize_scalar(loss, bounds=(-6, 6), method="bounded")
    scores = evaluate(labels, logits=logits)
    assert scores["nll_refinement_in_sample"] == pytest.approx(best.fun, abs=1e-8)
    tempered = softmax(logits / np.exp(best.x))
    assert scores["brier_refinement_in_sample"] == pytest.approx(
        np.mean(np.sum((tempered - np.eye(5)[labels]) ** 2, axis=1)), abs=1e-5
    )
    assert scores["temperature"] == pytest.approx(np.exp(best.x), rel=1e-3)
    assert scores["nll"] == pytest.approx(loss(0.0), abs=1e-8)
    parts = scores["nll_calibration"] + scores["nll_refinement"]
    assert parts == pytest.approx(scores["nll"])


def test_each_fold_is_judged_by_the_temperature_of_the_others():
    labels, probabilities = draw(6, 53, 3)
    logits = np.log(probabilities) * 5
    fold_of = folds_of(labels, 5)
    held_out = np.empty(logits.shape)
    for fold in range(5):
        rest, here = fold_of != fold, fold_of == fold

        def loss(inverse, rest=rest):
            return log_loss(labels[rest], softmax(logits[rest] * inverse))

        best = minimize_scalar(loss, bounds=(0.01, 3), options={"xatol": 1e-9})
        held_out[here] = softmax(logits[here] * best.x)
    scores = evaluate(labels, logits=logits)
    nll, brier = scores["nll_refinement"], scores["brier_refinement"]
    assert nll == pytest.approx(log_loss(labels, held_out), abs=1e-6)
    distances = np.sum((held_out - np.eye(3)[labels]) ** 2, axis=1)
    assert brier == pytest.approx(distances.mean(), abs=1e-6)
    assert nll > scores["nll_refinement_in_sample"]
    assert scores["brier"] == pytest.approx(brier + scores["brier_calibration"])


def test_of_few_samples_only_the_cross_fitted_refinement_does_not_flatter():
    names = ["nll_refinement", "nll_refinement_in_sample"]
    y, p = draw(1000, 20_000, 4)
    temperature = evaluate(y, p, scores=["temperature"])["temperature"]
    above = []  # the loss of the best temperature of all, on the same few samples
    for seed in range(100):
        y, p = draw(seed, 20, 4)
        scores = evaluate(y, logits=np.log(p), scores=names)
        best = log_loss(y, softmax(np.log(p) / temperature))
        above.append([scores[name] - best for name in names])
    fair, flattering = np.mean(above, axis=0)
    assert -0.05 < flattering < -0.005 < 0 < fair < 0.05


def test_a_single_sample_has_no_cross_fitted_refinement():
    scores = evaluate([1], [[0.2, 0.8]])
    assert np.isnan(scores["nll_refinement"]) and np.isnan(scores["brier_refinement"])
    assert np.isfinite(scores["nll_refinement_in_sample"])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_probabilities_and_logits_agree(dtype):
    labels, probabilities = draw(2, 300, 5)
    from_logits = evaluate(labels, logits=np.log(probabilities))
    scores = evaluate(labels, probabilities.astype(dtype))
    for name in ("nll", "nll_refinement", "temperature", "brier", "refinement"):
        assert scores[name] == pytest.approx(from_logits[name], rel=2e-5), name


def test_all_right_and_all_wrong():
    right = as_predictions([0, 1, 2], logits=0.1 * np.eye(3))
    left, temperature = in_sample_refinement(right)
    assert left.nll == pytest.approx(1 / 4, abs=1e-4)  # what three samples can show
    assert temperature == pytest.approx(0.1 / np.log(2 / (np.exp(0.25) - 1)), rel=1e-4)
    wrong = as_predictions([1, 2, 0], logits=3 * np.eye(3))
    left, temperature = in_sample_refinement(wrong)
    assert temperature == pytest.approx(1e3, rel=1e-3)
    assert left.nll == pytest.approx(np.log(3), abs=2e-3)


def test_parts_of_the_brier_score():
    labels, probabilities = draw(3, 400, 4)
    scores = evaluate(labels, probabilities)
    one_hot = np.eye(4)[labels]
    assert scores["brier"] == pytest.approx(
        np.mean(np.sum((probabilities - one_hot) ** 2, axis=1))
    )
    calibration = 0.0
    for column, events in zip(probabilities.T, one_hot.T, strict=True):
        bins = np.ceil(column * 15)
        for index in np.unique(bins):
            inside = bins == index
            gap = column[inside].mean() - events[inside].mean()
            calibration += inside.mean() * gap**2
    assert scores["brier_calibration_binned"] == pytest.approx(calibration)
    parts = scores["brier_calibration_binned"] + scores["brier_refinement_binned"]
    assert parts == pytest.approx(scores["brier"])


def test_log_loss_equals_scikit_learn():
    labels, probabilities = draw(4, 100, 3)
    nll = evaluate(labels, probabilities)["nll"]
    assert nll == pytest.approx(log_loss(labels, probabilities))


def test_impossible_label_costs_infinitely():
    scores = evaluate([1, 0, 1], [[1.0, 0.0], [0.8, 0.2], [0.3, 0.7]])
    assert scores["nll"] == np.inf and scores["nll_calibration"] == np.inf
    assert np.isfinite(scores["nll_refinement"])
