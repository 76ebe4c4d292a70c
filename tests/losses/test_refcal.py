import keras
import numpy as np
import pytest
from gradients import value_and_gradient
from random_predictions import draw

from keras_refcal.losses import (
    CrossEntropyLoss,
    MDCALoss,
    RefCalLoss,
    SupervisedContrastiveLoss,
)


def test_is_the_weighted_sum_of_its_terms():
    labels, probabilities = draw(0, 12, 4, "float32")
    loss = RefCalLoss(calibration_weight=3.0, refinement_weight=0.5)
    log_probabilities = np.log(probabilities)
    unit = log_probabilities / np.linalg.norm(log_probabilities, axis=1, keepdims=True)
    expected = (
        CrossEntropyLoss()(labels, probabilities)
        + 3.0 * MDCALoss()(labels, probabilities)
        + 0.5 * SupervisedContrastiveLoss()(labels, unit)
    )
    assert float(loss(labels, probabilities)) == pytest.approx(
        float(expected), rel=1e-6
    )


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, (1.0, 0.1)),
        ({"weights": "published"}, (10.0, 1.0)),
        ({"weights": "published", "refinement_weight": 0.5}, (10.0, 0.5)),
        ({"calibration_weight": 3.0}, (3.0, 0.1)),
        # Stages of the method are as published.
        ({"classification": None, "calibration": None}, (10.0, 1.0)),
        ({"refinement": None}, (10.0, 1.0)),
    ],
)
def test_weights_are_gentle_where_all_terms_meet(arguments, expected):
    loss = RefCalLoss(**arguments)
    assert (loss.calibration_weight, loss.refinement_weight) == expected
    again = RefCalLoss.from_config(loss.get_config())
    assert (again.calibration_weight, again.refinement_weight) == expected


def test_from_logits_equals_probabilities():
    labels, probabilities = draw(1, 12, 4, "float32")
    logits = np.log(probabilities) + 5.0
    value = RefCalLoss(from_logits=True)(labels, logits)
    expected = RefCalLoss()(labels, probabilities)
    assert float(value) == pytest.approx(float(expected), rel=1e-5)


def test_views_count_as_rows():
    labels, probabilities = draw(2, 8, 4, "float32")
    _, others = draw(3, 8, 4, "float32")
    logits = np.stack([np.log(probabilities), np.log(others)], axis=1)
    embeddings = np.random.default_rng(0).normal(size=(8, 2, 5)).astype("float32")
    outputs = {"logits": logits, "embeddings": embeddings}
    values = RefCalLoss().term_values(labels, outputs)
    rows = np.concatenate([probabilities, others])
    twice = np.concatenate([labels, labels])
    expected = {
        "classification": CrossEntropyLoss()(twice, rows),
        "calibration": MDCALoss()(twice, rows),
        "refinement": SupervisedContrastiveLoss()(labels, embeddings),
    }
    for name, value in values.items():
        assert float(value) == pytest.approx(float(expected[name]), rel=1e-5), name


def test_weight_zero_equals_absence():
    labels, probabilities = draw(4, 12, 4, "float32")
    weight = np.array([1.0] * 9 + [0.0] * 3, "float32")
    weighted = RefCalLoss(classification=None)(labels, probabilities, weight)
    absent = RefCalLoss(classification=None)(labels[:9], probabilities[:9])
    assert float(weighted) == pytest.approx(float(absent), rel=1e-5)


@pytest.mark.parametrize("jit", [False, True])
def test_extreme_predictions_have_finite_gradients(jit):
    probabilities = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]], "float32")
    labels = np.array([1, 1, 0])
    loss = RefCalLoss()
    value, (gradient,) = value_and_gradient(
        lambda p: loss(labels, p), probabilities, jit=jit
    )
    assert np.isfinite(value) and np.all(np.isfinite(gradient))


def test_config_keeps_nested_losses():
    loss = RefCalLoss(
        classification=CrossEntropyLoss(label_smoothing=0.1),
        calibration=None,
        refinement="supervised_contrastive",
        refinement_weight=0.3,
    )
    copy = keras.losses.deserialize(keras.losses.serialize(loss))
    assert copy.get_config() == loss.get_config()
    labels, probabilities = draw(5, 12, 4, "float32")
    assert float(copy(labels, probabilities)) == float(loss(labels, probabilities))


def test_takes_losses_of_keras():
    labels, probabilities = draw(6, 12, 4, "float32")
    keras_loss = keras.losses.SparseCategoricalCrossentropy()
    ours = RefCalLoss(classification=keras_loss)(labels, probabilities)
    expected = RefCalLoss()(labels, probabilities)
    assert float(ours) == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize("weighted", [False, True])
def test_compiles_into_a_plain_model(weighted):
    generator = np.random.default_rng(0)
    x = generator.normal(size=(64, 6)).astype("float32")
    labels = (x[:, 0] > 0).astype("int64") + (x[:, 1] > 0)
    model = keras.Sequential(
        [keras.Input((6,)), keras.layers.Dense(3, activation="softmax")]
    )
    model.compile(keras.optimizers.Adam(0.02), RefCalLoss(), metrics=["accuracy"])
    arguments = {"sample_weight": np.ones(64)} if weighted else {}
    logs = model.fit(x, labels, epochs=15, verbose=0, **arguments).history
    assert logs["loss"][-1] < 0.9 * logs["loss"][0]


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"classification": "cross_entrpy"}, "Unknown loss 'cross_entrpy'"),
        ({"calibration": 3}, "`calibration` must be the name of a loss"),
        ({"weights": "heavy"}, "`weights` must be one of"),
        ({"calibration_weight": -1.0}, "`calibration_weight` must be a number >= 0"),
        ({"refinement_weight": float("nan")}, "`refinement_weight`"),
        (
            {"classification": None, "calibration": None, "refinement": None},
            "needs one of",
        ),
    ],
)
def test_refuses_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        RefCalLoss(**arguments)


@pytest.mark.parametrize(
    "labels, probabilities, message",
    [
        ([0, 1], np.full((3, 2), 0.5), "same number of samples"),
        ([0, 2], np.full((2, 2), 0.5), "class ids from 0 to 1"),
        ([0, -1], np.full((2, 2), 0.5), "class ids from 0 to 1"),
        ([0, 1], np.full((2, 2), np.nan), "finite"),
        ([0, 1], np.full((2, 2, 2, 2), 0.5), "leading axes"),
        (np.zeros((0,)), np.zeros((0, 2)), "one sample or more"),
        (np.full((2, 3), 1 / 3), np.full((2, 2), 0.5), "num_classes=2"),
    ],
)
def test_refuses_bad_batches(labels, probabilities, message):
    with pytest.raises(ValueError, match=message):
        RefCalLoss()(np.asarray(labels), probabilities.astype("float32"))


def test_terms_that_read_no_labels_need_none():
    embeddings = np.random.default_rng(0).normal(size=(5, 2, 3)).astype("float32")
    loss = RefCalLoss(None, None, "simclr")
    outputs = {"embeddings": embeddings}
    assert float(loss(None, outputs)) == pytest.approx(
        float(loss(np.zeros(5), outputs))
    )
