import inspect

import ml_dtypes
import numpy as np
import pytest
from random_predictions import draw, softmax

from keras_refcal import evaluation
from keras_refcal.evaluation import evaluate
from keras_refcal.predictions import as_predictions

GOOD = [[0.7, 0.2, 0.1], [0.1, 0.8, 0.1]]
HALVES = [[0.5, 0.5], [0.5, 0.5]]


@pytest.mark.parametrize(
    "labels",
    [
        [0, 2],
        [[0], [2]],
        [[1, 0, 0], [0, 0, 1]],
        np.array([0.0, 2.0], "float32"),
        np.array([0, 2], "uint8"),
    ],
)
def test_labels_of_any_form(labels):
    predictions = as_predictions(labels, GOOD)
    assert predictions.labels.tolist() == [0, 2]
    assert predictions.correct.tolist() == [True, False]


@pytest.mark.parametrize(
    ("labels", "probabilities", "message"),
    [
        ([0, 3], GOOD, "from 0 to 2. Received ids from 0 to 3"),
        ([-1, 0], GOOD, "Received ids from -1"),
        ([0.5, 1], GOOD, "whole numbers"),
        ([np.nan, 1], GOOD, "whole numbers"),
        ([0], GOOD, "each of the 2 predictions"),
        (["a", "b"], GOOD, "y_true"),
        ([[0.5, 0.5, 0.0], [1, 0, 0]], GOOD, "one-hot"),
        ([[1, 1, 0], [1, 0, 0]], GOOD, "one-hot"),
        ([[1, 0], [1, 0]], GOOD, "num_classes=3"),
        ([], np.zeros((0, 3)), "one sample or more"),
        ([0, 1], [[0.7, 0.2, np.nan], [0.1, 0.8, 0.1]], "NaN or infinity in 1 of 2"),
        ([0, 1], [[0.7, 0.2, 0.1], [0.1, np.inf, 0.1]], "first in row 1"),
        ([0, 1], [[3.0, -1.0, 0.5], [0.0, 1.0, 0.0]], "pass them as `logits=`"),
        ([0, 1], [[0.5, 0.2, 0.1], [0.1, 0.8, 0.1]], "row 0 sums to 0.8"),
        ([0, 1], [[0.9, 0.9, 0.1], [0.1, 0.8, 0.1]], "sum to 1"),
        ([0, 1], [1.2, 0.4], "lie in"),
        ([0, 1], [[-0.1, 0.6, 0.5], [0.1, 0.8, 0.1]], "lie in"),
        ([0, 1], np.zeros((2, 3, 1)), "Received shape"),
        ([0, 1], [["a", "b"], ["c", "d"]], "must be real numbers"),
        ([0, 1], None, "neither"),
    ],
)
def test_bad_input_is_named(labels, probabilities, message):
    with pytest.raises(ValueError, match=message):
        evaluate(labels, probabilities)


def test_bad_logits_are_named():
    with pytest.raises(ValueError, match="`logits` must be finite"):
        evaluate([0, 1], logits=[[0.0, np.nan], [1.0, 2.0]])
    with pytest.raises(ValueError, match="both"):
        evaluate([0, 1], GOOD, logits=GOOD)


def test_huge_finite_logits_are_finite():
    scores = evaluate([0, 1, 1], logits=np.array([[1e4, -1e4]] * 3, "float32"))
    assert np.isclose(scores["nll"], 2 / 3 * 2e4)
    assert scores["ece"] == pytest.approx(2 / 3)


@pytest.mark.parametrize("dtype", ["float16", ml_dtypes.bfloat16, "float32"])
def test_precisions_agree(dtype):
    labels, probabilities = draw(1, 100, 5)
    scores = evaluate(labels, probabilities.astype(dtype))
    exact = evaluate(labels, probabilities)
    tolerance = 1e-6 if dtype == "float32" else 1e-2
    assert abs(scores["brier"] - exact["brier"]) < tolerance


def test_one_column_is_class_one():
    generator = np.random.default_rng(2)
    logits, labels = generator.normal(size=50), generator.integers(0, 2, 50)
    two = evaluate(labels, logits=np.stack([np.zeros(50), logits], axis=1))
    one = evaluate(labels, logits=logits[:, None])
    probabilities = softmax(np.stack([np.zeros(50), logits], axis=1))
    flat = evaluate(labels, probabilities[:, 1])
    for name, value in two.items():
        assert one[name] == pytest.approx(value, abs=1e-9, nan_ok=True), name
        assert flat[name] == pytest.approx(value, abs=1e-5, nan_ok=True), name


def test_the_callers_arrays_are_left_alone():
    labels, probabilities = draw(3, 100, 4)
    before = probabilities.copy(), labels.copy()
    evaluate(labels, probabilities, class_counts=[500, 50, 10, 5], bootstrap=2)
    assert np.array_equal(before[0], probabilities)
    assert np.array_equal(before[1], labels)
    evaluate(labels, logits=probabilities)
    assert np.array_equal(before[0], probabilities)


FACES = {
    "evaluate": evaluation.evaluate,
    "binary_scores": evaluation.binary_scores,
    "calibration_test": evaluation.calibration_test,
    "class_calibration": evaluation.class_calibration,
    "classwise_reliability_curve": evaluation.classwise_reliability_curve,
    "confidence_histogram": evaluation.confidence_histogram,
    "group_reliability_curves": lambda *args: evaluation.group_reliability_curves(
        *args, class_counts=[1] * np.shape(args[1])[-1]
    ),
    "multiclass_auroc": evaluation.multiclass_auroc,
    "proper_calibration_error": evaluation.proper_calibration_error,
    "reliability_curve": evaluation.reliability_curve,
    "risk_coverage_curve": evaluation.risk_coverage_curve,
}


def test_every_face_is_tried():
    exported = {name: getattr(evaluation, name) for name in evaluation.__all__}
    assert set(FACES) == {
        name
        for name, value in exported.items()
        if inspect.isfunction(value) and "y_true" in inspect.signature(value).parameters
    }


@pytest.mark.parametrize("name", FACES)
def test_one_gate_for_every_face(name):
    off = [[0.5, 0.511], [0.5, 0.5]]
    for labels, probabilities, message in (
        ([0, 0.5], HALVES, "whole numbers"),
        ([0, -1], HALVES, "from 0 to 1"),
        ([0, 1j], HALVES, "as numbers"),
        ([[1, 1], [0, 1]], HALVES, "one-hot"),
        ([0, 1], np.add(HALVES, 0j), "real numbers"),
        ([0, 1], off, "within 0.01"),
    ):
        with pytest.raises(ValueError, match=message):
            FACES[name](labels, probabilities)
    FACES[name]([0, 1], [[0.5, 0.509], [0.5, 0.492]])


@pytest.mark.parametrize("form", ["probabilities", "logits"])
def test_the_first_largest_is_predicted_signed_zeros_included(form):
    rows = [[-0.0, 0.0, 0.0], [0.0, -0.0, 0.0]]
    if form == "probabilities":
        rows = [[0.5, 0.5, -0.0], [0.5, 0.5, 0.0]]
    predictions = as_predictions([0, 1], **{form: rows})
    assert predictions.predicted.tolist() == [0, 0]


@pytest.mark.parametrize("tiny", [1e-40, 1e-45, 5e-324])
def test_subnormal_probabilities_are_what_they_are(tiny):
    dtype = "float64" if tiny < 1e-45 else "float32"
    rows = np.array([[tiny, 1.0], [1.0, tiny]], dtype)
    expected = -np.log(rows[0, 0].astype("float64"))
    scores = evaluate([0, 1], rows, scores=["nll", "refinement"])
    assert scores["nll"] == pytest.approx(expected) and np.isfinite(expected)
    assert evaluate([0, 1], [0.0, tiny], scores="refinement")["refinement"] == 1


ROWS = np.array([[0.1, 0.9], [0.4, 0.6], [0.7, 0.3], [0.8, 0.2]])


def test_rows_that_do_not_count_are_as_if_they_had_not_come():
    bad = np.vstack([ROWS, [[np.nan, 7]], ROWS[:1]])
    found = as_predictions(
        ["b", "a", "b", "a", "nobody", "?"],
        bad,
        sample_weight=[1, 2, 3, 4, 0, 1],
        groups=list("xyxyzz"),
        classes=("a", "b"),
        ignore_class="?",
    )
    plain = as_predictions([1, 0, 1, 0], ROWS, sample_weight=[1, 2, 3, 4])
    np.testing.assert_array_equal(found.labels, plain.labels)
    np.testing.assert_array_equal(found.probabilities, plain.probabilities)
    np.testing.assert_array_equal(found.weights, [1, 2, 3, 4])
    assert found.groups.tolist() == list("xyxy") and found.classes == ("a", "b")
    assert found.rows.tolist() == [0, 1, 2, 3] and plain.rows is None
    taken = found.take(np.array([3, 1])).take(np.array([1]))
    assert taken.rows.tolist() == [1] and taken.groups.tolist() == ["y"]
    assert taken.weights.tolist() == [2] and taken.classes == ("a", "b")


def test_leading_axes_are_flattened():
    labels = np.array([[1, 0], [-1, 1]])
    found = as_predictions(
        labels, ROWS.reshape(2, 2, 2), sample_weight=np.ones((2, 2)), ignore_class=-1
    )
    assert found.labels.tolist() == [1, 0, 1] and found.rows.tolist() == [0, 1, 3]
    one_hot = np.eye(2)[np.abs(labels)]
    assert as_predictions(one_hot, ROWS.reshape(2, 2, 2)).labels.tolist() == [
        1,
        0,
        1,
        1,
    ]


@pytest.mark.parametrize(
    ("y_true", "options", "message"),
    [
        (["a", "c", "b", "a"], {"classes": ("a", "b")}, r"among `classes`.*\['c'\]"),
        ([0, 1, 1, 0], {"classes": ("a", "a")}, "a name of its own for each of the 2"),
        (
            [0, 1, 1, 0],
            {"sample_weight": [0, 0, 0, 0]},
            "One sample or more must count",
        ),
        ([0, 1, 1, 0], {"sample_weight": [1, 1]}, "`sample_weight` must hold 4"),
        ([0, 1, 1, 0], {"groups": ["a"]}, "`groups` must have the leading shape"),
        ([0, 1, -1, 0], {}, "class ids from 0 to 1"),
    ],
)
def test_refuses_rows_that_do_not_fit(y_true, options, message):
    with pytest.raises(ValueError, match=message):
        as_predictions(y_true, ROWS, **options)
