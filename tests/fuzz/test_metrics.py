"""Ten thousand hard batches for every exported metric; and what they once found."""

import keras
import logit_oracle
import numpy as np
import pytest
from exported_metrics import ALL, make, optional
from fuzz_batches import CLASSES, ROWS, arrays, batches, other_rows, shuffled
from fuzz_compiled import compiled
from fuzz_settings import fuzz
from hypothesis import given
from hypothesis import strategies as st
from metrics_streaming import exact_name, value
from random_predictions import softmax

from keras_refcal import evaluation, metrics

every_metric = pytest.mark.parametrize("kind", ALL, ids=metrics.__all__)
CLASS_COUNTS = [500, 60, 50, 4]


def runners(kind):
    """Returns functions of a batch: its figures, and the same merged from halves."""
    given = {"num_classes": CLASSES, "class_counts": CLASS_COUNTS}
    metric = make(kind, **optional(kind, **given))
    if not metric.variables:
        metric.update_state(np.zeros(1, "int32"), np.eye(CLASSES)[:1])

    def state(batch, rows):
        empty = metric.stateless_reset_state()
        return metric.stateless_update_state(empty, *(array[rows] for array in batch))

    def whole(*batch):
        return keras.tree.flatten(metric.stateless_result(state(batch, slice(ROWS))))

    def halves(*batch):
        first = state(batch, slice(ROWS // 2))
        second = state(batch, slice(ROWS // 2, ROWS))
        merged = [a + b for a, b in zip(first, second, strict=True)]
        return keras.tree.flatten(metric.stateless_result(merged))

    return compiled(whole), compiled(halves)


def check(whole, halves, value_range, batch):
    labels, logits, weights = arrays(batch)
    predictions = softmax(logits.astype("float64")).astype("float32")
    results = np.array(whole(labels, predictions, weights))
    low, high = value_range
    defined = results[~np.isnan(results)]
    assert np.all(defined >= low - 1e-6) and np.all(defined <= high + 1e-6), results
    if not weights.any():
        assert not len(defined), results
    again = other_rows(labels, predictions, weights, batch[-1])
    again, _ = shuffled(*again, batch[-1])
    np.testing.assert_allclose(halves(*again), results, rtol=1e-5, atol=2e-6)


@pytest.mark.slow
@every_metric
def test_hard_batches(kind):
    whole, halves = runners(kind)
    # A metric of metrics has the range of those inside; here a Brier score.
    value_range = kind.value_range or (0, 2)

    @fuzz
    @given(batches)
    def fuzzed(batch):
        check(whole, halves, value_range, batch)

    fuzzed()


# Each makes a row of logits from a row of normal numbers, beside those of all batches.
EXTREME = {
    "largest": lambda row: 3e38 * np.sign(row),
    "beyond squares": lambda row: 1e30 * row,
    "of float16": lambda row: 65504 * np.sign(row),
    "near nothing": lambda row: 1e-30 * row,
    "signed zeros": lambda row: np.copysign(0, row),
    "saturated": lambda row: 200 * row.round(1),
}
RANKED = ("refinement", "correctness_auroc", "fpr_at_95_recall", "aurc", "excess_aurc")
EXPECTED_TIES = evaluation.Convention(risk_coverage="expected")
extremes = st.lists(st.sampled_from([None, *EXTREME]), min_size=ROWS, max_size=ROWS)
scales = st.sampled_from([2.0**-60, 1.0, 2.0**20, 2.0**100])
# Where a weight means that many samples, its scale matters.
REPEATS = ("aurc", "excess_aurc", "ace", "tace")


def extreme_logits(logits, kinds, seed):
    rows = np.random.default_rng(seed).normal(size=logits.shape)
    pairs = zip(kinds, rows, logits, strict=True)
    rows = [EXTREME[kind](row) if kind else usual for kind, row, usual in pairs]
    return np.array(rows).astype("float32")


def exact(metric, labels, scores, probabilities):
    """Returns the figure of a metric in float64, a number or a mapping."""
    if isinstance(metric, metrics.MetricCollection):
        members = metric._members()
        results = [exact(m, labels, scores, probabilities) for m in members]
        pairs = zip(members, results, strict=True)
        named = [r if isinstance(r, dict) else {m.name: r} for m, r in pairs]
        return {name: v for figures in named for name, v in figures.items()}
    if isinstance(metric, metrics.ShotAccuracy | metrics.GroupedMetric):
        figures = evaluation.evaluate(labels, probabilities, class_counts=CLASS_COUNTS)
        figure = "ece" if isinstance(metric, metrics.GroupedMetric) else "accuracy"
        groups = ("many", "medium", "few")
        return {f"{metric.name}_{g}": figures[f"{figure}_{g}"] for g in groups}
    name = exact_name(metric)
    if name in RANKED:
        return logit_oracle.score(name, labels, scores)
    figures = evaluation.evaluate(labels, probabilities, convention=EXPECTED_TIES)
    if getattr(metric, "decomposition", False):
        parts = ("", "_calibration", "_refinement")
        return {f"{metric.name}{part}": figures[f"brier{part}"] for part in parts}
    return figures[name]


def check_exact(metric, batch, kinds, scale, from_logits):
    labels, logits, weights = arrays(batch)
    logits = extreme_logits(logits, kinds, batch[-1])
    repeats = np.minimum(np.ceil(weights), 3).astype("int64")
    if not repeats.any():
        return
    probabilities = logit_oracle.probabilities(logits)
    predictions = logits
    if not from_logits:
        predictions = probabilities.astype("float32")
        probabilities = predictions.astype("float64")
    with np.errstate(divide="ignore"):
        scores = np.log(probabilities) - np.log(np.maximum(1 - probabilities, 0))
    if from_logits:
        scores = logit_oracle.log_odds(logits)
    tops = [rows.argmax(axis=1) for rows in (logits, probabilities, scores)]
    if from_logits and not all(np.array_equal(top, tops[0]) for top in tops):
        return  # logits so near each other that only they do not tie
    if exact_name(metric) in REPEATS:
        scale = 1.0
    metric.reset_state()
    metric.update_state(labels, predictions, (repeats * scale).astype("float32"))
    try:
        ours = value(metric.result())
    except ValueError as refused:
        assert "room" in str(refused)
        return
    rows = np.repeat(np.arange(ROWS), repeats)
    theirs = exact(metric, labels[rows], scores[rows], probabilities[rows])
    bounds = getattr(metric, "distance_bound", lambda: 0.0)()
    flat = [keras.tree.flatten(nest) for nest in (ours, theirs)]
    bounds = keras.tree.flatten(bounds) if isinstance(bounds, dict) else [bounds]
    bounds = bounds * len(flat[0]) if len(bounds) < len(flat[0]) else bounds
    for our, their, bound in zip(*flat, bounds, strict=True):
        few = exact_name(metric) in ("ace", "tace") and np.isnan(their)
        agree = few or our == their or (np.isnan(our) and np.isnan(their))
        assert agree or abs(our - their) <= bound + 1e-6 * (1 + abs(their)), (
            ours,
            theirs,
            bound,
        )


@pytest.mark.slow
@every_metric
@pytest.mark.parametrize("from_logits", [False, True])
def test_hard_batches_equal_float64(kind, from_logits):
    if from_logits and not optional(kind, from_logits=True):
        pytest.skip("takes what the metric inside takes")
    given_arguments = {"class_counts": CLASS_COUNTS, "from_logits": from_logits}
    metric = make(kind, **optional(kind, **given_arguments))

    @fuzz
    @given(batches, extremes, scales)
    def fuzzed(batch, kinds, scale):
        check_exact(metric, batch, kinds, scale, from_logits)

    fuzzed()
