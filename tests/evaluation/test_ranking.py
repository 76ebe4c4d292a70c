import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from random_predictions import draw, softmax
from sklearn.metrics import roc_auc_score

from keras_refcal.evaluation import multiclass_auroc
from keras_refcal.evaluation.ranking import _argsort, binary_auroc


@pytest.mark.parametrize("multi_class", ["ovo", "ovr"])
@pytest.mark.parametrize("average", ["macro", "weighted"])
@pytest.mark.parametrize(
    ("num_samples", "num_classes", "decimals"),
    [(40, 3, None), (700, 12, None), (700, 12, 0), (300, 5, 1)],
)
def test_equals_scikit_learn(num_samples, num_classes, decimals, average, multi_class):
    labels, probabilities = draw(num_samples, num_samples, num_classes, "float64", 1)
    ours = multiclass_auroc(
        labels, probabilities, multi_class=multi_class, average=average
    )
    theirs = roc_auc_score(
        labels, probabilities, multi_class=multi_class, average=average
    )
    assert abs(ours - theirs) < 1e-10


@pytest.mark.parametrize("multi_class", ["ovo", "ovr"])
def test_float32_equals_scikit_learn(multi_class):
    labels, probabilities = draw(3, 500, 8, "float32")
    ours = multiclass_auroc(labels, probabilities, multi_class=multi_class)
    exact = probabilities.astype("float64")
    theirs = [
        roc_auc_score(labels == c, exact[:, c])
        if multi_class == "ovr"
        else np.mean([_pair(labels, exact, c, d) for d in range(8) if d != c])
        for c in range(8)
    ]
    assert abs(ours - np.mean(theirs)) < 1e-10


def _pair(labels, probabilities, one, other):
    rows = (labels == one) | (labels == other)
    return roc_auc_score(labels[rows] == one, probabilities[rows, one])


@hypothesis.given(
    st.integers(0, 10_000), st.integers(4, 60), st.integers(2, 5), st.booleans()
)
def test_any_size_and_ties(seed, num_samples, num_classes, rounded):
    hypothesis.assume(num_samples >= num_classes)
    decimals = 0 if rounded else None
    labels, probabilities = draw(seed, num_samples, num_classes, decimals=decimals)
    if num_classes == 2:
        theirs = roc_auc_score(labels, probabilities[:, 1])
    else:
        theirs = roc_auc_score(labels, probabilities, multi_class="ovo")
    assert abs(multiclass_auroc(labels, probabilities) - theirs) < 1e-10


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("multi_class", ["ovo", "ovr"])
def test_whole_weights_equal_repetition(dtype, multi_class):
    labels, probabilities = draw(5, 200, 4, dtype, decimals=0)
    weight = np.random.default_rng(5).integers(0, 4, 200)
    weighted = multiclass_auroc(
        labels, probabilities, multi_class=multi_class, sample_weight=weight
    )
    repeated = multiclass_auroc(
        np.repeat(labels, weight),
        np.repeat(probabilities, weight, axis=0),
        multi_class=multi_class,
    )
    assert abs(weighted - repeated) < 1e-12


@pytest.mark.parametrize("multi_class", ["ovo", "ovr"])
def test_absent_classes_are_left_out(multi_class):
    labels, probabilities = draw(6, 400, 6)
    kept = ~np.isin(labels, [1, 4])
    labels, probabilities = labels[kept], probabilities[kept]
    present = probabilities[:, [0, 2, 3, 5]]
    theirs = roc_auc_score(
        labels, present / present.sum(axis=1, keepdims=True), multi_class=multi_class
    )
    ours = multiclass_auroc(labels, probabilities, multi_class=multi_class)
    assert abs(ours - theirs) < 1e-10


def test_one_class_is_undefined():
    assert np.isnan(multiclass_auroc([1, 1], [[0.2, 0.8], [0.6, 0.4]]))


def test_binary_column():
    labels, probabilities = draw(7, 300, 2)
    expected = roc_auc_score(labels, probabilities[:, 1])
    for form in (probabilities[:, 1], probabilities[:, 1:], probabilities):
        assert abs(multiclass_auroc(labels, form) - expected) < 1e-10


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_binary_column_keeps_its_digits(dtype):
    generator = np.random.default_rng(11)
    labels = generator.integers(0, 2, 300)
    column = (10 ** (generator.normal(size=300) - 18 + labels)).astype(dtype)
    theirs = roc_auc_score(labels, column)
    assert abs(multiclass_auroc(labels, column) - theirs) < 1e-10


@pytest.mark.parametrize("spread", [0.0, 1e-15, 1.0])
def test_argsort_where_numbers_nearly_tie(spread):
    values = 0.3 + spread * np.random.default_rng(8).random(5000)
    values[::7] = 0.0
    values[1::7] = -0.0
    assert np.array_equal(values[_argsort(values)], np.sort(values))


def test_saturated_probabilities_keep_their_float64_order():
    generator = np.random.default_rng(9)
    labels = generator.integers(0, 3, 600)
    logits = generator.normal(size=(600, 3)) * 4
    logits[np.arange(600), labels] += 25
    probabilities = softmax(logits)
    theirs = roc_auc_score(labels, probabilities, multi_class="ovo")
    assert abs(multiclass_auroc(labels, probabilities) - theirs) < 1e-10


def test_binary_auroc_with_weights():
    generator = np.random.default_rng(10)
    positive, scores = generator.random(200) < 0.3, np.round(generator.random(200), 1)
    weight = generator.random(200)
    theirs = roc_auc_score(positive, scores, sample_weight=weight)
    assert abs(binary_auroc(positive, scores, weight) - theirs) < 1e-12
    assert np.isnan(binary_auroc(np.ones(3, bool), np.arange(3.0)))


@pytest.mark.parametrize("weight", [[1.0], [1.0, -1.0], [1.0, np.nan]])
def test_refuses_bad_weights(weight):
    with pytest.raises(ValueError, match="sample_weight"):
        multiclass_auroc([0, 1], [[0.7, 0.3], [0.2, 0.8]], sample_weight=weight)


def test_refuses_unknown_names():
    with pytest.raises(ValueError, match="multi_class"):
        multiclass_auroc([0, 1], [0.3, 0.6], multi_class="pairs")
