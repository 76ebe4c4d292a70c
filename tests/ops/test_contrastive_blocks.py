"""Losses in blocks against the dense formula in float64, at any size and scale."""

import keras
import numpy as np
import pytest
from golden_cases import assert_matches, inputs, parameters
from gradients import value_and_gradient
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from keras_refcal.backend import anchor_losses
from keras_refcal.losses import (
    BalancedContrastiveLoss,
    SimCLRLoss,
    SupervisedContrastiveLoss,
)
from keras_refcal.ops import balanced_contrastive, contrastive


def unit(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def dense_value_and_gradient(views, mask, weight, temperature):
    """The formula in float64: mean over views, weighted mean over samples."""
    batch, num_views, dim = views.shape
    rows = views.transpose(1, 0, 2).reshape(-1, dim).astype("float64")
    similarity = rows @ rows.T / temperature
    weights = np.tile(weight.astype("float64"), num_views)
    contrasts = weights * ~np.eye(len(rows), dtype=bool)
    positives = np.tile(mask, (num_views, num_views)) * contrasts
    maximum = np.where(contrasts > 0, similarity, -np.inf).max(axis=1, keepdims=True)
    powers = contrasts * np.exp(np.minimum(similarity - maximum, 0))
    softmax = powers / powers.sum(axis=1, keepdims=True)
    count = positives.sum(axis=1)
    has_positive = count > 0
    target = positives / np.where(has_positive, count, 1)[:, None]
    log_sum = maximum[:, 0] + np.log(powers.sum(axis=1))
    values = np.where(has_positive, log_sum - (target * similarity).sum(axis=1), 0)
    share = weights / weights.sum() * has_positive
    pull = (softmax - target) * share[:, None] / temperature
    gradient = (pull + pull.T) @ rows
    return values @ share, gradient.reshape(num_views, batch, dim).transpose(1, 0, 2)


@settings(max_examples=max(5, settings().max_examples // 3))  # each one compiles
@given(
    batch=st.integers(2, 70),
    num_views=st.integers(1, 3),
    num_classes=st.integers(1, 9),
    block_size=st.integers(1, 80),
    temperature=st.sampled_from([0.01, 0.02, 0.07, 0.1, 1.0, 10.0]),
    scale=st.sampled_from([None, 0.1, 3.0]),
    weighted=st.booleans(),
    masked=st.booleans(),
    seed=st.integers(0, 999),
)
def test_equals_the_dense_form(
    batch,
    num_views,
    num_classes,
    block_size,
    temperature,
    scale,
    weighted,
    masked,
    seed,
):
    generator = np.random.default_rng(seed)
    views = generator.normal(size=(batch, num_views, 6))
    views = unit(views) if scale is None else scale * views
    views = views.astype("float32")
    labels = 7 * generator.integers(0, num_classes, batch) + 5
    mask = labels[:, None] == labels
    if masked:
        mask = generator.random((batch, batch)) < 0.4
    weight = generator.integers(0, 3, batch) if weighted else np.ones(batch)
    weight[:2] = 1
    loss = SupervisedContrastiveLoss(
        temperature,
        temperature,
        normalize=scale is None,
        block_size=block_size,
        positive_mask=masked,
    )
    y_true = mask.astype("float32") if masked else labels
    value, (gradient,) = value_and_gradient(
        lambda views: loss(y_true, views, weight.astype("float32")), views, jit=True
    )
    relative = weight * weight.sum() / np.sum(weight**2)  # their scale has no meaning
    expected, expected_gradient = dense_value_and_gradient(
        views, mask, relative, temperature
    )
    if scale is None:
        radial = np.sum(views * expected_gradient, axis=-1, keepdims=True)
        expected_gradient = expected_gradient - views * radial
    # float32 rounds a similarity of s by about 1e-7 s; its exponential by as much.
    largest = np.max(np.sum(views.astype("float64") ** 2, axis=-1)) / temperature
    rounding = 1e-5 + 3e-7 * largest
    assert value == pytest.approx(expected, rel=1e-5, abs=1e-5 + 1e-6 * largest)
    size = np.max(np.abs(expected_gradient))
    bound = rounding * max(size, np.sqrt(largest / temperature) / batch)
    assert np.max(np.abs(gradient - expected_gradient)) <= bound


@pytest.mark.parametrize(
    ("make", "mode", "temperature", "jit"),
    [
        (SupervisedContrastiveLoss, "all", 0.1, False),
        (SupervisedContrastiveLoss, "one", 0.01, True),
        (SimCLRLoss, "all", 0.01, False),
        (SimCLRLoss, "one", 0.1, True),
    ],
)
def test_blocks_of_any_size_change_nothing(make, mode, temperature, jit):
    generator = np.random.default_rng(0)
    views = generator.normal(size=(301, 2, 16)).astype("float32")
    labels = generator.integers(0, 40, 301)
    loss = make(temperature, contrast_mode=mode)
    value, (gradient,) = value_and_gradient(
        lambda views: loss(labels, views), views, jit=jit
    )
    loss = make(temperature, contrast_mode=mode, block_size=100)
    expected, (expected_gradient,) = value_and_gradient(
        lambda views: loss(labels, views), views, jit=True
    )
    assert value == pytest.approx(expected, rel=1e-5)
    bound = 2e-5 * np.max(np.abs(expected_gradient))
    np.testing.assert_allclose(gradient, expected_gradient, atol=bound)


@pytest.mark.parametrize(("case", "check"), parameters("supcon"))
def test_matches_golden(case, check):
    data = inputs(case)
    loss = SupervisedContrastiveLoss(**check["params"], normalize=False, block_size=37)
    value, (gradient,) = value_and_gradient(
        lambda features: loss(data["labels"], features), data["features"], jit=True
    )
    assert_matches(case, check, value=value, grad_features=gradient)


@pytest.mark.parametrize("block_size", [7, None])
def test_soft_labels_weigh_pairs_by_their_inner_product(block_size):
    generator = np.random.default_rng(0)
    views = unit(generator.normal(size=(11, 2, 6))).astype("float32")
    rows = generator.dirichlet(np.full(5, 0.3), 11).astype("float32")
    weight = generator.integers(1, 3, 11)
    relative = weight * weight.sum() / np.sum(weight**2)
    expected, expected_gradient = dense_value_and_gradient(
        views, rows @ rows.T, relative, 0.1
    )
    radial = np.sum(views * expected_gradient, axis=-1, keepdims=True)
    expected_gradient = expected_gradient - views * radial
    loss = SupervisedContrastiveLoss(0.1, 0.1, block_size=block_size)
    value, (gradient,) = value_and_gradient(
        lambda x: loss(rows, x, weight.astype("float32")), views, jit="quick"
    )
    assert value == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("block_size", [7, None])
def test_soft_labels_that_share_nothing_are_no_positives(block_size):
    rows = np.kron(np.eye(5), [[0.3, 0.7]]).astype("float32")
    views = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    loss = SupervisedContrastiveLoss(block_size=block_size)
    value, (gradient,) = value_and_gradient(lambda x: loss(rows, x), views, jit="quick")
    assert value == 0 and not np.any(gradient)


@settings(max_examples=4)
@given(
    temperature=st.floats(0.01, 10),
    scale=st.sampled_from([None, 0.1, 3.0]),
    weighted=st.booleans(),
    seed=st.integers(0, 999),
)
def test_any_temperature_at_one_size(temperature, scale, weighted, seed):
    generator = np.random.default_rng(seed)
    views = generator.normal(size=(23, 2, 6))
    views = (unit(views) if scale is None else scale * views).astype("float32")
    labels = generator.integers(0, 5, 23)
    weight = generator.uniform(0, 3, 23) if weighted else np.ones(23)
    expected, expected_gradient = dense_value_and_gradient(
        views, labels[:, None] == labels, weight, temperature
    )
    for block_size in (17, None):  # of 46 rows
        value, (gradient,) = value_and_gradient(
            lambda rows, size=block_size: ops.mean(
                contrastive.supervised_contrastive(
                    rows,
                    ops.convert_to_tensor(labels.astype("int32")),
                    ops.convert_to_tensor(weight.astype("float32")),
                    temperature,
                    temperature,
                    normalize=False,
                    block_size=size,
                )
            ),
            views,
            jit="quick",
        )
        largest = np.max(np.sum(views.astype("float64") ** 2, axis=-1)) / temperature
        assert value == pytest.approx(expected, rel=1e-5, abs=1e-5 + 1e-6 * largest)
        size = np.max(np.abs(expected_gradient))
        bound = (1e-5 + 3e-7 * largest) * max(size, np.sqrt(largest / temperature) / 23)
        assert np.max(np.abs(gradient - expected_gradient)) <= bound


@pytest.mark.parametrize("bounded", [True, False])
@pytest.mark.parametrize("block_size", [13, 64])
def test_gradient_in_float64_is_that_of_the_dense_form(block_size, bounded):
    if keras.backend.backend() == "jax":
        pytest.skip("JAX computes in float64 only if told so before it starts")
    generator = np.random.default_rng(0)
    views = unit(generator.normal(size=(20, 2, 6)))
    labels, weight = generator.integers(0, 4, 20), generator.uniform(0.1, 2, 20)

    def value(rows):
        rows = ops.convert_to_tensor(rows)
        weights = ops.cast(ops.convert_to_tensor(np.tile(weight, 2)), rows.dtype)
        values = anchor_losses(
            rows, weights, ops.convert_to_tensor(labels), block_size, bounded
        )
        return ops.sum(values * weights) / ops.sum(weights)

    rows = views.transpose(1, 0, 2).reshape(40, 6) * 10**0.5
    found, (gradient,) = value_and_gradient(value, rows)
    expected, expected_gradient = dense_value_and_gradient(
        views, labels[:, None] == labels, weight, 0.1
    )
    expected_gradient = expected_gradient.transpose(1, 0, 2).reshape(40, 6) * 0.1**0.5
    assert gradient.dtype == "float64"
    assert found == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("jit", "soft"), [(True, False), (False, False), (True, True)])
def test_balanced_contrastive_in_blocks_is_the_dense_form(jit, soft, monkeypatch):
    generator = np.random.default_rng(0)
    views = generator.normal(size=(150, 2, 6)).astype("float32")  # 256 rows and 44
    labels = generator.integers(0, 7, 150)
    weight = generator.integers(0, 3, 150).astype("float32")
    if soft:
        labels = np.eye(9, dtype="float32")[labels]
        labels = 0.8 * labels + 0.2 * labels[::-1]
    loss = BalancedContrastiveLoss(9, 6)
    results = []
    for block_size in (256, 300):
        monkeypatch.setattr(balanced_contrastive, "_BLOCK_SIZE", block_size)
        results.append(
            value_and_gradient(lambda x: loss(labels, x, weight), views, jit=jit)
        )
    (value, (gradient,)), (expected, (expected_gradient,)) = results
    assert value == pytest.approx(expected, rel=1e-6)
    bound = 1e-5 * np.max(np.abs(expected_gradient))
    np.testing.assert_allclose(gradient, expected_gradient, atol=bound)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_computed_in_float32(dtype):
    generator = np.random.default_rng(0)
    views = ops.cast(generator.normal(size=(300, 2, 8)), dtype)
    labels = generator.integers(0, 4, 300)
    loss, rounded = SupervisedContrastiveLoss(), ops.cast(views, "float32")
    value = loss(labels, views)
    assert keras.backend.standardize_dtype(value.dtype) == "float32"
    assert float(value) == pytest.approx(float(loss(labels, rounded)), rel=1e-6)


def test_may_be_used_twice_in_a_graph():
    views = np.random.default_rng(0).normal(size=(20, 2, 4)).astype("float32")
    labels = np.arange(20) % 3
    loss = SupervisedContrastiveLoss(block_size=7)
    _, (once,) = value_and_gradient(lambda views: loss(labels, views), views)
    _, (twice,) = value_and_gradient(
        lambda views: 3 * loss(labels, views) - loss(labels, views), views
    )
    np.testing.assert_allclose(twice, 2 * once, rtol=1e-4, atol=1e-7)


def test_training_with_an_incomplete_last_batch():
    generator = np.random.default_rng(0)
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(4)])
    model.compile("sgd", loss=SupervisedContrastiveLoss())
    x, y = generator.normal(size=(1400, 5)), generator.integers(0, 3, 1400)
    history = model.fit(x, y, batch_size=800, epochs=2, verbose=0)
    assert np.all(np.isfinite(history.history["loss"]))


def test_rejects_a_block_of_no_rows():
    with pytest.raises(ValueError, match="`block_size` must be an integer"):
        SupervisedContrastiveLoss(block_size=0)
