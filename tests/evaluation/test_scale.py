"""Memory and time at the sizes people have."""

import time
import tracemalloc

import numpy as np
import pytest
from random_predictions import draw
from sklearn.metrics import roc_auc_score

from keras_refcal.evaluation import evaluate, multiclass_auroc


def extra_megabytes(function):
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1] / 2**20
    finally:
        tracemalloc.stop()


def test_memory_is_a_few_blocks_of_values():
    labels, probabilities = draw(0, 100_000, 50, "float32")
    scores = ["refinement", "classwise_ece", "ace", "brier", "nll_refinement"]
    used = extra_megabytes(lambda: evaluate(labels, probabilities, scores=scores))
    assert used < 160


@pytest.mark.slow
def test_a_million_rows_of_a_hundred_classes():
    generator = np.random.default_rng(0)
    probabilities = generator.random((1_000_000, 100), dtype="float32")
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    labels = generator.integers(0, 100, 1_000_000)
    assert extra_megabytes(lambda: evaluate(labels, probabilities)) < 500


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_one_versus_one_is_two_hundred_times_as_fast_as_scikit_learn(dtype):
    labels, probabilities = draw(1, 10_000, 100, dtype)
    exact = probabilities.astype("float64")
    start = time.perf_counter()
    expected = roc_auc_score(
        labels, exact / exact.sum(axis=1, keepdims=True), multi_class="ovo"
    )
    theirs = time.perf_counter() - start
    times = []
    for _ in range(5):
        start = time.perf_counter()
        ours = multiclass_auroc(labels, probabilities)
        times.append(time.perf_counter() - start)
    assert theirs / np.median(times) > 200
    assert abs(ours - expected) < (1e-6 if dtype == "float32" else 1e-10)


@pytest.mark.slow
def test_a_thousand_classes_take_about_a_second():
    labels, probabilities = draw(2, 50_000, 1000, "float32")
    start = time.perf_counter()
    multiclass_auroc(labels, probabilities)
    assert time.perf_counter() - start < 2
