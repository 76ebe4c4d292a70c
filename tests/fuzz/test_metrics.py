"""Ten thousand hard batches for every exported metric; and what they once found."""

import keras
import numpy as np
import pytest
from exported_metrics import ALL, make, optional
from fuzz_batches import CLASSES, ROWS, arrays, batches, other_rows, shuffled
from fuzz_compiled import compiled
from fuzz_settings import fuzz
from hypothesis import given
from random_predictions import softmax

from keras_refcal import metrics

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
