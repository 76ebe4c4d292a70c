import numpy as np
import pytest
from random_predictions import draw
from shared_data import shared_data

from keras_refcal.evaluation import Convention, evaluate
from keras_refcal.evaluation.conventions import CONVENTIONS
from keras_refcal.evaluation.scores import SCORES

ACROSS_FOLDS = [
    "proper_calibration_error",
    "nll_calibration",
    "nll_refinement",
    "brier_calibration",
    "brier_refinement",
]


@pytest.mark.parametrize(
    ("network", "accuracy", "ece", "temperature_ece"),
    [("densenet40", 72.11, 21.08, 6.10), ("wide_resnet28", 85.38, 9.11, 4.43)],
)
def test_published_figures(network, accuracy, ece, temperature_ece):
    with np.load(shared_data("logits", f"cifar10_lt_{network}.npz")) as file:
        arrays = dict(file)
    labels, logits = arrays["test_labels"], arrays["test_logits"]
    scores = evaluate(labels, logits=logits)
    assert round(100 * scores["accuracy"], 2) == accuracy
    assert round(100 * scores["ece"], 2) == ece
    fitted = evaluate(
        arrays["val_labels"], logits=arrays["val_logits"], scores="temperature"
    )
    scaled = evaluate(labels, logits=logits / fitted["temperature"], scores="ece")
    assert round(100 * scaled["ece"], 2) == temperature_ece


def test_one_sample():
    scores = evaluate([0], [[0.7, 0.3]], class_counts=[500, 5])
    assert scores["accuracy"] == 1 and scores["accuracy_many"] == 1
    assert scores["ece"] == pytest.approx(0.3)
    assert scores["brier"] == pytest.approx(0.18)
    undefined = ("refinement", "correctness_auroc", "ace", "tace", "ece_few")
    for name in (*undefined, "ece_quantile", "rmsce_debiased"):
        assert np.isnan(scores[name]), name


def test_every_figure_is_a_plain_float_and_documented():
    labels, probabilities = draw(0, 60, 4)
    scores = evaluate(labels, probabilities)
    assert list(scores) == list(SCORES)
    for name, value in scores.items():
        assert type(value) is float and np.isfinite(value), name
        assert f"`{name}`" in evaluate.__doc__, name


def test_groups():
    labels, probabilities = draw(1, 600, 6)
    class_counts = [500, 101, 100, 20, 19, 0]
    scores = evaluate(labels, probabilities, class_counts=class_counts)
    members = {
        "many": [0, 1],
        "medium": [2, 3],
        "few": [4, 5],
        "head": [0, 1],
        "middle": [2, 3],
        "tail": [4, 5],
    }
    for group, classes in members.items():
        rows = np.isin(labels, classes)
        alone = evaluate(labels[rows], probabilities[rows])
        for name in ("accuracy", "ece"):
            assert scores[f"{name}_{group}"] == pytest.approx(alone[name]), group


def test_empty_group_is_undefined():
    labels, probabilities = draw(2, 60, 3)
    scores = evaluate(labels, probabilities, class_counts=[500, 400, 300])
    assert np.isnan(scores["accuracy_few"]) and np.isnan(scores["ece_few"])


def test_order_of_rows_does_not_matter_without_ties():
    labels, probabilities = draw(3, 200, 5)
    rows = np.random.default_rng(0).permutation(200)
    scores = evaluate(labels, probabilities)
    shuffled = evaluate(labels[rows], probabilities[rows])
    for name, value in scores.items():
        # Those across folds depend on which rows stand in a fold together.
        folds = name in ACROSS_FOLDS
        assert shuffled[name] == pytest.approx(value, abs=0.02 if folds else 1e-9), name


def test_chosen_figures_keep_their_order():
    labels, probabilities = draw(4, 30, 3)
    assert list(evaluate(labels, probabilities, scores=["nll", "ece"])) == [
        "nll",
        "ece",
    ]


@pytest.mark.parametrize("convention", sorted(CONVENTIONS))
def test_every_convention_by_name(convention):
    labels, probabilities = draw(5, 60, 3)
    named = evaluate(labels, probabilities, convention=convention)
    assert named == evaluate(labels, probabilities, convention=CONVENTIONS[convention])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_bins": 0}, "num_bins"),
        ({"convention": "peer"}, "convention"),
        ({"scores": ["ece", "speed"]}, "speed"),
        ({"scores": "ece_few"}, "class_counts"),
        ({"class_counts": [1, 2, 3]}, "class_counts"),
        ({"class_counts": [1, -2]}, "class_counts"),
        ({"threshold": 1.5}, "threshold"),
    ],
)
def test_refuses_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        evaluate([0, 1], [0.3, 0.8], **options)


@pytest.mark.parametrize("options", [{"bins": "peer"}, {"nll_clip": 0.7}])
def test_refuses_bad_conventions(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        Convention(**options)


def test_confident_and_sure_answers():
    probabilities = np.eye(3)[[0, 1, 2, 0]]
    scores = evaluate([0, 1, 2, 1], probabilities)
    assert scores["accuracy"] == 0.75 and scores["ece"] == pytest.approx(0.25)
    assert scores["nll"] == np.inf
    assert np.isfinite([scores[n] for n in ("smece", "brier", "refinement")]).all()
