"""What is no label is refused, or NaN; what is ignored is absent."""

import keras
import numpy as np
import pytest
from exported_losses import (
    CLASSES,
    EXPORTED,
    draw,
    make,
    of_two_classes,
    on_logits,
    to_numpy,
    y_true,
)
from gradients import value_and_gradient

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


def compiled(loss, weight=None):
    """Returns the loss as a function of tensors, none of which can be read."""
    if keras.backend.backend() == "jax":
        from quick_jit import quick_jit

        return quick_jit(loss)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.function(loss)
    pytest.skip("PyTorch runs no compiled step on the CPU: values are read")


@every_loss
def test_what_is_no_label_is_nan_where_it_cannot_be_read(name):
    if name in READS_NO_LABELS:
        pytest.skip("reads no labels")
    loss = on_logits(name, reduction="none")
    run = compiled(loss)
    _, logits = draw()
    for labels, _ in bad_labels(name):
        target = y_true(loss, labels).astype("float32")
        wrong = np.isnan(to_numpy(run(target, logits)))
        if isinstance(loss, ClassificationLoss):
            assert wrong.tolist() == [i == 3 for i in range(12)]
        else:
            assert np.all(wrong)


@every_loss
def test_weights_that_are_none_are_nan_where_they_cannot_be_read(name):
    loss = on_logits(name)
    run = compiled(loss)
    labels, logits = draw()
    target = y_true(loss, labels)
    for wrong in (-1, np.nan, np.inf):
        weight = np.ones(12, "float32")
        weight[3] = wrong
        assert np.isnan(to_numpy(run(target, logits, weight)))


@every_loss
def test_weights_that_are_none_are_refused(name):
    loss = on_logits(name)
    labels, logits = draw()
    target = y_true(loss, labels)
    for wrong in (-1, np.nan, np.inf):
        weight = np.ones(12, "float32")
        weight[3] = wrong
        with pytest.raises(ValueError, match="`sample_weight` must hold finite"):
            loss(target, logits, weight)


@every_loss
def test_the_label_of_an_absent_row_may_be_anything(name):
    loss = on_logits(name, reduction="mean_with_sample_weight")
    labels, logits = draw()
    weight = np.where(np.arange(12) % 3, 1, 0).astype("float32")
    wrong = np.where(weight > 0, labels, -1)
    assert float(loss(y_true(loss, wrong), logits, weight)) == pytest.approx(
        float(loss(y_true(loss, labels), logits, weight)), rel=1e-6
    )


@every_loss
@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum"])
def test_ignored_rows_are_absent(name, reduction):
    loss = on_logits(name, reduction=reduction, ignore_class=-1)
    labels, logits = draw()
    present = np.arange(12) % 4 > 0
    target, kept = y_true(loss, np.where(present, labels, -1)), y_true(loss, labels)
    weight = np.linspace(0.5, 2, 12).astype("float32")
    for given in (None, weight):
        value, (gradient,) = value_and_gradient(
            lambda z, w=given: loss(target, z, w), logits, jit="quick"
        )
        some = None if given is None else given[present]
        expected, (expected_gradient,) = value_and_gradient(
            lambda z, w=some: loss(kept[present], z, w), logits[present], jit="quick"
        )
        # Sums over other numbers of rows round otherwise.
        assert value == pytest.approx(expected, rel=2e-6)
        assert not np.any(gradient[~present])
        np.testing.assert_allclose(
            gradient[present], expected_gradient, rtol=1e-4, atol=2e-6
        )


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
    loss = on_logits(name, ignore_class=1)
    labels, logits = draw()
    labels[:2] = 1, 0
    present = labels != 1
    expected = float(loss(y_true(loss, labels)[present], logits[present]))
    rows = np.eye(CLASSES)[labels]
    for form in (labels, labels[:, None], rows):
        found = float(loss(y_true(loss, form), logits))
        assert found == pytest.approx(expected, rel=1e-5)
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
@pytest.mark.parametrize("scale", [1e-3, 1e-30, 1e30])
def test_the_scale_of_weights_inside_a_batch_means_nothing(name, scale):
    loss = make(name, **({"ignore_class": -1}))
    if isinstance(loss, ClassificationLoss) or name == "RefCalLoss":
        pytest.skip("weights scale it")
    loss = on_logits(name)
    labels, logits = draw()
    weight = np.linspace(0.5, 2, 12).astype("float32")
    target = y_true(loss, labels)
    assert float(loss(target, logits, scale * weight)) == pytest.approx(
        float(loss(target, logits, weight)), rel=1e-5
    )
    assert float(loss(target, logits, np.full(12, scale, "float32"))) == pytest.approx(
        float(loss(target, logits)), rel=1e-5
    )
    assert float(loss(target, logits, scale)) == pytest.approx(
        float(loss(target, logits)), rel=1e-5
    )


@every_loss
@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum"])
def test_weights_scale_every_term_alike(name, reduction):
    if name == "RefCalLoss":
        pytest.skip("is what has terms")
    term = on_logits(name, reduction=reduction)
    loss = losses.RefCalLoss(
        **{**dict.fromkeys(losses.refcal.TERMS), term.term: term},
        calibration_weight=1.0,
        from_logits=True,
    )
    labels, logits = draw()
    outputs = {"logits": logits, "embeddings": logits}
    target = y_true(loss, labels)
    weight = np.linspace(0, 2, 12).astype("float32")
    expected = float(loss(target, outputs, weight))
    assert float(loss(target, outputs, 3 * weight)) == pytest.approx(
        3 * expected, rel=1e-5
    )
    plain = float(loss(target, outputs))
    twice = float(loss(target, outputs, np.full(12, 2.0, "float32")))
    assert twice == pytest.approx(2 * plain, rel=1e-5)
