"""What is no probability is refused where it can be read, unless it does not count."""

import keras
import numpy as np
import pytest
from exported_losses import CLASSES, EXPORTED, draw, make, of_two_classes, y_true
from keras import ops

from keras_refcal.losses import RefCalLoss

OF_PROBABILITIES = [n for n in EXPORTED if hasattr(make(n), "from_logits")]
# Each reads its labels in its own way.
OF_EACH_KIND = ("CrossEntropyLoss", "CorrectnessRankingLoss", "RefCalLoss")
LABELS, LOGITS = draw()


def softmax(logits):
    exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponents / exponents.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("name", OF_PROBABILITIES)
def test_what_is_no_probability_is_refused(name):
    loss = make(name)
    target = y_true(loss, LABELS)
    rows = softmax(LOGITS)
    for wrong, message in (
        (LOGITS, "must lie in"),
        (0.98 * rows, "must sum to 1"),
        (1 / (1 + np.exp(-LOGITS)), "must sum to 1"),
    ):
        with pytest.raises(ValueError, match=f"{message}.*`from_logits=True`"):
            loss(target, wrong)
    column = of_two_classes(name, from_logits=False)
    with pytest.raises(ValueError, match=r"must lie in.*`from_logits=True`"):
        column(y_true(column, LABELS % 2), LOGITS[:, 0])


@pytest.mark.parametrize("name", OF_EACH_KIND)
def test_rows_that_do_not_count_may_be_anything(name):
    loss = make(name, ignore_class=-1)
    absent = np.arange(len(LABELS)) == 3
    rows = np.where(absent[:, None], LOGITS, 1.005 * softmax(LOGITS))
    ignored = y_true(loss, np.where(absent, -1, LABELS))
    assert np.isfinite(float(loss(ignored, rows)))
    weight = (~absent).astype("float32")
    assert np.isfinite(float(loss(y_true(loss, LABELS), rows, weight)))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_of_many_classes_is_probabilities(dtype):
    generator = np.random.default_rng(0)
    for spread in (0, 1, 5):
        logits = spread * generator.normal(size=(4, 50_000))
        rows = ops.softmax(ops.cast(logits, dtype), axis=-1)
        value = make("CrossEntropyLoss")(np.arange(4), rows)
        assert np.isfinite(float(value))


def test_terms_of_keras_are_given_labels_only():
    term = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    loss = RefCalLoss(term, None, None, from_logits=True)
    for wrong in (-1, CLASSES, 0.5):
        labels = np.where(np.arange(len(LABELS)) == 3, wrong, LABELS)
        with pytest.raises(ValueError, match="`y_true` must hold class ids from 0 to"):
            loss(labels, LOGITS)
    labels = np.where(np.arange(len(LABELS)) == 3, -1, LABELS)
    ignoring = keras.losses.SparseCategoricalCrossentropy(True, ignore_class=-1)
    loss = RefCalLoss(ignoring, None, None, from_logits=True)
    assert float(loss(labels, LOGITS)) == pytest.approx(float(ignoring(labels, LOGITS)))


@pytest.mark.parametrize("name", [*OF_EACH_KIND, "SupervisedContrastiveLoss"])
def test_lists_are_arrays(name):
    loss = make(name)
    target, scores = y_true(loss, LABELS), softmax(LOGITS)
    expected = float(loss(target, scores))
    lists = target.tolist(), scores.tolist(), [1.0] * len(scores)
    assert float(loss(*lists)) == pytest.approx(expected, rel=1e-5)
