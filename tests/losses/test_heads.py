"""One column is two classes, in every loss that has a meaning there."""

import keras
import numpy as np
import pytest
from exported_losses import EXPORTED, make, of_two_classes, y_true
from fuzz_compiled import compiled
from gradients import value_and_gradient
from keras import ops

from keras_refcal.losses import CrossEntropyLoss, RefCalLoss

CLASSIFICATION = [name for name in EXPORTED if hasattr(make(name), "from_logits")]
CONTRASTIVE = [name for name in EXPORTED if name not in CLASSIFICATION]
of_classes = pytest.mark.parametrize("name", CLASSIFICATION)


def draw(samples=12):
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, samples)
    return labels, 2 * generator.normal(size=(samples, 1)).astype("float32")


def as_column(from_logits, logits):
    return logits if from_logits else 1 / (1 + np.exp(-logits))


def two_columns(from_logits, column):
    other = ops.zeros_like(column) if from_logits else 1 - column
    return ops.concatenate([other, column], axis=1)


@of_classes
@pytest.mark.parametrize("from_logits", [False, True])
def test_one_column_is_two(name, from_logits):
    loss = of_two_classes(name, from_logits)
    if not loss.takes_one_logit and from_logits:
        pytest.skip("is refused, see below")
    labels, logits = draw()
    column = as_column(from_logits, logits)
    rows = np.eye(2, dtype="float32")[labels]
    expected, (expected_gradient,) = value_and_gradient(
        lambda s: loss(y_true(loss, rows), two_columns(from_logits, s)),
        column,
        jit="quick",
    )
    value, (gradient,) = value_and_gradient(
        lambda s: loss(y_true(loss, labels), s), column, jit="quick"
    )
    assert value == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-4, atol=1e-5)
    soft = np.linspace(0, 1, len(column)).astype("float32")
    groups = [
        (labels, labels[:, None], rows),
        (soft, soft[:, None], np.stack([1 - soft, soft], axis=1)),
    ]
    loss = of_two_classes(name, from_logits, reduction="none")
    for first, *others in compiled(
        lambda s: [
            [
                loss(y_true(loss, y), x)
                for y, x in zip(forms, (s, s, s[:, 0]), strict=True)
            ]
            for forms in groups
        ]
    )(column):
        assert first.shape == (len(labels),)
        for other in others:
            np.testing.assert_allclose(other, first, rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="`y_true` must hold class ids from 0 to 1"):
        loss(y_true(loss, 1.5 * soft), column)


@pytest.mark.parametrize("from_logits", [False, True])
@pytest.mark.parametrize(
    ("dtype", "jit"),
    [
        ("float32", True),
        ("float32", False),
        ("float16", "quick"),
        ("bfloat16", "quick"),
    ],
)
def test_cross_entropy_is_that_of_keras(from_logits, dtype, jit):
    _, logits = draw()
    column = as_column(from_logits, logits)
    soft = np.linspace(0, 1, len(column)).astype("float32")[:, None]
    soft[:6] = soft[:6] > 0.2

    def of(loss):
        return value_and_gradient(
            lambda s: loss(soft, ops.cast(s, dtype)), column, jit=jit
        )

    value, (gradient,) = of(CrossEntropyLoss(from_logits=from_logits))
    expected, (expected_gradient,) = of(keras.losses.BinaryCrossentropy(from_logits))
    assert value == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-4, atol=1e-6)


def test_small_probabilities_keep_their_value_and_gradient():
    labels, column = np.array([0, 0, 1, 1]), np.array([[1e-9, 1 - 1e-6, 1e-20, 0.9]]).T
    loss = CrossEntropyLoss(reduction="sum")
    value, (gradient,) = value_and_gradient(
        lambda p: loss(labels, p), column.astype("float32")
    )
    p = column.astype("float32").astype("float64")[:, 0]
    expected = -np.log([1 - p[0], 1 - p[1], p[2], p[3]]).sum()
    assert value == pytest.approx(expected, rel=1e-6)
    slope = [1 / (1 - p[0]), 1 / (1 - p[1]), -1 / p[2], -1 / p[3]]
    np.testing.assert_allclose(gradient[:, 0], slope, rtol=1e-5)


@pytest.mark.parametrize("name", CONTRASTIVE)
def test_contrastive_losses_refuse_one_column(name):
    loss = make(name)
    for shape in ((6,), (6, 1), (6, 2, 1)):
        with pytest.raises(ValueError, match=f"{name} has no meaning on one column"):
            value_and_gradient(
                lambda x: loss(np.zeros(6), x), np.ones(shape, "float32"), jit=True
            )


def test_a_direction_of_one_logit_is_refused():
    labels, logits = draw()
    term = of_two_classes("LogitNormLoss", True)
    whole = RefCalLoss(term, None, None, from_logits=True)
    around = of_two_classes("ClassBalancedLoss", True, loss="logit_norm")
    for loss in (term, whole, around):
        with pytest.raises(ValueError, match="Loss has no meaning on one column"):
            loss(labels, logits)


@pytest.mark.parametrize("from_logits", [False, True])
def test_terms_of_keras_see_what_they_take(from_logits):
    labels, logits = draw()
    column = as_column(from_logits, logits)
    expected = float(CrossEntropyLoss(from_logits=from_logits)(labels, column))
    for term, y in (
        (keras.losses.BinaryCrossentropy(), labels[:, None]),
        (keras.losses.BinaryCrossentropy(from_logits=True), labels[:, None]),
        (keras.losses.SparseCategoricalCrossentropy(), labels),
    ):
        loss = RefCalLoss(term, None, None, from_logits=from_logits)
        assert float(loss(y, column)) == pytest.approx(expected, rel=1e-5)


def test_a_model_of_one_column_learns():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(256, 4)).astype("float32")
    labels = (x[:, 0] + x[:, 1] > 0).astype("int64")
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, "sigmoid")])
    loss = RefCalLoss(refinement_weight=0.1)
    model.compile(keras.optimizers.Adam(0.1), loss=loss)
    model.fit(x, labels, batch_size=64, epochs=6, verbose=0)
    probability = model.predict(x, batch_size=64, verbose=0)[:, 0]
    assert np.mean((probability > 0.5) == labels) > 0.8
