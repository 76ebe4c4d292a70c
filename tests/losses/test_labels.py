"""What is no label is refused, or NaN; what is ignored is absent."""

import keras
import numpy as np
import pytest
from exported_losses import (
    CLASSES,
    EXPORTED,
    draw,
    of_two_classes,
    on_logits,
    to_numpy,
    y_true,
)
from fuzz_compiled import compiled
from gradients import value_and_gradient
from keras import ops
from keras.src.backend import set_keras_mask

from keras_refcal import losses
from keras_refcal.losses.base import ClassificationLoss

every_loss = pytest.mark.parametrize("name", EXPORTED)
READS_NO_LABELS = {"SimCLRLoss"}
ANY_ID = {"SupervisedContrastiveLoss"}


def bad_labels(name):
    """Yields what is no label and what the message says."""
    ids = np.arange(12) % CLASSES
    rows = np.eye(CLASSES)[ids]
    for wrong, message in (
        (-1, "Pass `ignore_class=-1`"),
        (0.5, "Class ids are whole numbers"),
        (np.nan, "`y_true` must hold class ids from 0"),
        (np.inf, "`y_true` must hold class ids from 0"),
        (2**24, "`y_true` must hold class ids from 0"),
        *([] if name in ANY_ID else [(CLASSES, "class ids from 0 to 3")]),
    ):
        labels = ids.astype("float32")
        labels[3] = wrong
        yield labels, message
    for wrong, message in (
        ([1, 0, 1, 0], "Classes must exclude each other"),
        ([0, 0, 0, 0], "`ignore_class` to leave out"),
        ([0.5, 0.52, 0, 0], "Divide each row by its sum"),
        ([1.5, -0.5, 0, 0], "must be probabilities"),
        ([np.nan, 1, 0, 0], "must be probabilities"),
    ):
        labels = rows.astype("float32")
        labels[3] = wrong
        yield labels, message


@every_loss
def test_what_is_no_label_is_refused(name):
    if name in READS_NO_LABELS:
        pytest.skip("reads no labels")
    loss = on_logits(name)
    _, logits = draw()
    for labels, message in bad_labels(name):
        with pytest.raises(ValueError, match=message):
            loss(y_true(loss, labels), logits)
    within = np.eye(CLASSES, dtype="float32")[np.arange(12) % CLASSES] * 1.005
    assert np.isfinite(to_numpy(loss(y_true(loss, within), logits)))


def unread(loss):
    """Returns the loss as a function of tensors, none of which can be read."""
    if keras.backend.backend() == "torch":
        pytest.skip("PyTorch runs no compiled step on the CPU: values are read")
    return compiled(loss)


@every_loss
def test_what_is_no_label_is_nan_where_it_cannot_be_read(name):
    if name in READS_NO_LABELS:
        pytest.skip("reads no labels")
    loss = on_logits(name, reduction="none")
    run = unread(loss)
    _, logits = draw()
    for labels, _ in bad_labels(name):
        target = y_true(loss, labels).astype("float32")
        wrong = np.isnan(run(target, logits))
        if isinstance(loss, ClassificationLoss):
            assert wrong.tolist() == [i == 3 for i in range(12)]
        else:
            assert np.all(wrong)


def weights_with_a_wrong_one():
    for wrong in (-1, np.nan, np.inf):
        weight = np.ones(12, "float32")
        weight[3] = wrong
        yield weight


@every_loss
def test_weights_that_are_none_are_nan_where_they_cannot_be_read(name):
    loss = on_logits(name)
    run = unread(loss)
    labels, logits = draw()
    target = y_true(loss, labels)
    for weight in weights_with_a_wrong_one():
        assert np.isnan(run(target, logits, weight))


@every_loss
def test_weights_that_are_none_are_refused(name):
    loss = on_logits(name)
    labels, logits = draw()
    target = y_true(loss, labels)
    for weight in weights_with_a_wrong_one():
        with pytest.raises(ValueError, match="`sample_weight` must hold finite"):
            loss(target, logits, weight)


@every_loss
def test_the_label_of_an_absent_row_may_be_anything(name):
    loss = on_logits(name, reduction="mean_with_sample_weight")
    labels, logits = draw()
    weight = np.where(np.arange(12) % 3, 1, 0).astype("float32")
    wrong = np.where(weight > 0, labels, -1)
    run = compiled(
        lambda z: [loss(y_true(loss, y), z, weight) for y in (wrong, labels)]
    )
    value, expected = run(logits)
    assert value == pytest.approx(expected, rel=1e-6)


@every_loss
def test_ignored_rows_are_absent(name):
    mean, total = (
        on_logits(name, reduction=reduction, ignore_class=-1)
        for reduction in ("sum_over_batch_size", "sum")
    )
    labels, logits = draw()
    present = np.arange(12) % 4 > 0
    labels = y_true(mean, np.where(present, labels, -1))
    weight = np.linspace(0.5, 2, 12).astype("float32")

    def run(z, rows=slice(None)):
        y = labels[rows]
        return ops.stack(
            [
                mean(y, z),
                total(y, z),
                mean(y, z, weight[rows]),
                total(y, z, weight[rows]),
            ]
        )

    values = compiled(lambda z: run(z))(logits)
    expected = compiled(lambda z: run(z, present))(logits[present])
    # Sums over other numbers of rows round otherwise.
    np.testing.assert_allclose(values, expected, rtol=2e-6)
    _, (gradient,) = value_and_gradient(lambda z: ops.sum(run(z)), logits, jit="quick")
    _, (expected,) = value_and_gradient(
        lambda z: ops.sum(run(z, present)), logits[present], jit="quick"
    )
    assert not np.any(gradient[~present])
    np.testing.assert_allclose(gradient[present], expected, rtol=1e-4, atol=1e-5)


@every_loss
def test_a_batch_of_ignored_rows_is_0(name):
    loss = on_logits(name, ignore_class=-1)
    labels, logits = draw()
    target = y_true(loss, np.full_like(labels, -1))
    value, (gradient,) = value_and_gradient(
        lambda z: loss(target, z), logits, jit="quick"
    )
    assert value == 0 and not np.any(gradient)


@every_loss
def test_a_class_of_the_data_may_be_ignored(name):
    loss, plain = on_logits(name, ignore_class=1), on_logits(name)
    labels, logits = draw()
    labels[:2] = 1, 0
    weight = (labels != 1).astype("float32")
    forms = labels, labels[:, None], np.eye(CLASSES, dtype="float32")[labels]
    # A mask of 0 and 1 on predictions is absence too.
    values = compiled(lambda z: [loss(y_true(loss, y), z) for y in forms])(logits)
    z = ops.convert_to_tensor(logits)
    set_keras_mask(z, ops.convert_to_tensor(weight > 0))
    expected = to_numpy(plain(y_true(loss, labels), z))
    np.testing.assert_allclose(values, expected, rtol=1e-5)
    assert keras.losses.deserialize(keras.losses.serialize(loss)).ignore_class == 1


@pytest.mark.parametrize(
    "reduction", ["sum_over_batch_size", "sum", "mean_with_sample_weight", "none"]
)
@pytest.mark.parametrize("weighted", [False, True])
def test_ignoring_is_that_of_keras(reduction, weighted):
    labels, logits = draw()
    labels[[1, 5]] = -1
    weight = np.linspace(0, 2, 12).astype("float32") if weighted else None
    ours = losses.CrossEntropyLoss(
        from_logits=True, ignore_class=-1, reduction=reduction
    )
    theirs = keras.losses.SparseCategoricalCrossentropy(
        from_logits=True, ignore_class=-1, reduction=reduction
    )
    np.testing.assert_allclose(
        to_numpy(ours(labels, logits, weight)),
        to_numpy(theirs(labels, logits, weight)),
        rtol=1e-6,
    )


def test_soft_labels_of_one_column_may_be_ignored():
    loss = of_two_classes("CrossEntropyLoss", True, ignore_class=-1)
    soft, logits = np.array([0.2, -1, 1]), np.array([0.3, 0.1, 0.5])
    kept = [0, 2]
    assert float(loss(soft, logits)) == pytest.approx(
        float(loss(soft[kept], logits[kept]))
    )


def test_terms_of_keras_see_no_ignored_row():
    labels, logits = draw()
    labels[[1, 5]] = -1
    present = labels >= 0
    loss = losses.RefCalLoss(
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        from_logits=True,
        ignore_class=-1,
    )
    assert float(loss(labels, logits)) == pytest.approx(
        float(loss(labels[present], logits[present])), rel=1e-5
    )


def test_refuses_what_is_no_class():
    for wrong in (True, 0.5, "none"):
        with pytest.raises(ValueError, match="`ignore_class` must be the class id"):
            losses.CrossEntropyLoss(ignore_class=wrong)
    with pytest.raises(ValueError, match="With `positive_mask` there are no labels"):
        losses.SupervisedContrastiveLoss(positive_mask=True, ignore_class=-1)


@every_loss
def test_the_scale_of_weights_inside_a_batch_means_nothing(name):
    loss = on_logits(name)
    if isinstance(loss, ClassificationLoss) or name == "RefCalLoss":
        pytest.skip("weights scale it")
    labels, logits = draw()
    weight = np.linspace(0.5, 2, 12).astype("float32")
    run = compiled(loss)
    target = y_true(loss, labels).astype("float32")
    expected, plain = run(target, logits, weight), float(loss(target, logits))
    for scale in (1e-30, 1e-3, 1e30):
        scale = np.float32(scale)
        assert run(target, logits, scale * weight) == pytest.approx(expected, rel=1e-5)
        equal = np.full(12, scale)
        assert run(target, logits, equal) == pytest.approx(plain, rel=1e-5)
    assert float(loss(target, logits, 0.5)) == pytest.approx(plain, rel=1e-5)


@every_loss
def test_weights_scale_every_term_alike(name):
    if name == "RefCalLoss":
        pytest.skip("is what has terms")
    totals = []
    for reduction in ("sum_over_batch_size", "sum"):
        term = on_logits(name, reduction=reduction)
        terms = {**dict.fromkeys(losses.refcal.TERMS), term.term: term}
        totals.append(losses.RefCalLoss(**terms, calibration_weight=1.0))
    labels, logits = draw()
    target = y_true(totals[0], labels).astype("float32")
    weight = np.linspace(0, 2, 12).astype("float32")

    def run(z, w):
        outputs = {"logits": z, "embeddings": z}
        return ops.stack([loss(target, outputs, w) for loss in totals])

    run = compiled(run)
    ones = np.ones(12, "float32")
    for one in (weight, ones):
        np.testing.assert_allclose(
            run(logits, 3 * one), 3 * run(logits, one), rtol=1e-5
        )
    outputs = {"logits": logits, "embeddings": logits}
    plain = float(totals[0](target, outputs))
    assert run(logits, ones)[0] == pytest.approx(plain, rel=1e-5)
