"""What holds for every exported loss; none is listed by hand."""

import keras
import numpy as np
import pytest
from exported_losses import CLASSES, EXPORTED, draw, make, on_logits, to_numpy, y_true
from gradients import value_and_gradient
from keras import ops
from keras.src.backend import set_keras_mask
from random_predictions import softmax

from keras_refcal import losses
from keras_refcal.losses import registry
from keras_refcal.losses.base import FloatLoss

every_loss = pytest.mark.parametrize("name", EXPORTED)
# These depend on the logits themselves, as their docstrings say.
SHIFT_MATTERS = {"ACLSLoss", "LogitNormLoss"}


def is_contrastive(loss):
    return loss.term == "refinement"


@every_loss
def test_is_named_documented_and_serialisable(name):
    cls, loss = EXPORTED[name], make(name)
    assert issubclass(cls, FloatLoss) and issubclass(cls, keras.losses.Loss)
    assert registry.names()[loss.name] is cls
    assert loss.term in ("classification", "calibration", "refinement")
    assert loss.formula and loss.use
    assert keras.saving.get_registered_name(cls) == f"keras_refcal>{name}"


@every_loss
def test_takes_ids_columns_and_one_hot_rows(name):
    loss = on_logits(name, reduction="none")
    labels, logits = draw()
    expected = to_numpy(loss(y_true(loss, labels), logits))
    rows = np.eye(CLASSES, dtype="float32")[labels]
    for form in (labels[:, None], rows):
        np.testing.assert_allclose(
            to_numpy(loss(y_true(loss, form), logits)), expected, rtol=1e-5, atol=1e-6
        )


@every_loss
def test_takes_soft_labels(name):
    loss = on_logits(name)
    labels, logits = draw()
    rows = 0.7 * np.eye(CLASSES)[labels] + 0.3 * np.eye(CLASSES)[labels[::-1]]
    rows = rows.astype("float32")
    value, (gradient,) = value_and_gradient(
        lambda z: loss(y_true(loss, rows), z), logits
    )
    assert np.isfinite(value) and np.all(np.isfinite(gradient))


@every_loss
def test_logarithms_of_probabilities_serve_as_logits(name):
    loss = make(name, reduction="none")
    if not hasattr(loss, "from_logits"):
        pytest.skip("takes embeddings")
    labels, logits = draw()
    probabilities = softmax(logits)
    from_logits = on_logits(name, reduction="none")
    np.testing.assert_allclose(
        to_numpy(loss(y_true(loss, labels), probabilities)),
        to_numpy(from_logits(y_true(loss, labels), np.log(probabilities))),
        rtol=1e-4,
        atol=1e-6,
    )


@every_loss
def test_weight_zero_is_absence(name):
    loss = on_logits(name, reduction="mean_with_sample_weight")
    labels, logits = draw()
    weight = np.array([1, 0, 2, 0, 1, 1, 0.5, 0, 1, 0, 1, 3], "float32")
    present = weight > 0
    target = y_true(loss, labels)
    value, (gradient,) = value_and_gradient(
        lambda z: loss(target, z, weight), logits, jit="quick"
    )
    some, (some_gradient,) = value_and_gradient(
        lambda z: loss(target[present], z, weight[present]),
        logits[present],
        jit="quick",
    )
    np.testing.assert_allclose(value, some, rtol=1e-5)
    assert not np.any(gradient[~present])
    np.testing.assert_allclose(gradient[present], some_gradient, rtol=1e-4, atol=1e-6)


@every_loss
@pytest.mark.parametrize("jit", [False, "quick"])
def test_a_mask_is_absence(name, jit):
    loss = on_logits(name)
    labels, logits = draw()
    present = np.arange(len(labels)) % 3 > 0
    target = y_true(loss, labels)

    def run(z):
        z = ops.convert_to_tensor(z)
        set_keras_mask(z, ops.convert_to_tensor(present))
        return loss(target, z)

    value, _ = value_and_gradient(run, logits, jit=jit)
    assert value == pytest.approx(
        float(loss(target[present], logits[present])), rel=1e-5
    )


@every_loss
def test_reductions(name):
    labels, logits = draw()
    loss = on_logits(name, reduction="none")
    target = y_true(loss, labels)
    values = to_numpy(loss(target, logits))
    assert values.shape == (len(labels),)
    for reduction, expected in (("sum", values.sum()), ("mean", values.mean())):
        found = on_logits(name, reduction=reduction)(target, logits)
        assert float(found) == pytest.approx(expected, rel=1e-5)


def extreme_rows(largest):
    rows = largest * np.eye(CLASSES)[[0, 1, 1, 2, 3]] * [[1], [1], [-1], [1], [-1]]
    rows = np.concatenate([rows, np.full((2, CLASSES), [[largest], [-largest]])])
    rows[6, 2] = largest
    return np.concatenate([rows, 1e-3 * np.eye(CLASSES)[:1]]).astype("float32")


@every_loss
@pytest.mark.parametrize(
    ("dtype", "largest"), [("float32", 1e4), ("float16", 6e4), ("bfloat16", 1e4)]
)
def test_is_finite_at_the_extremes(name, dtype, largest):
    loss = on_logits(name)
    rows = extreme_rows(largest)
    if dtype == "float32":
        rows = np.concatenate([rows, np.zeros((2, CLASSES), "float32")])
    labels = np.arange(len(rows)) % CLASSES
    labels[3] = labels[4] = 2
    one_class = np.full_like(labels, 1)
    for chosen in (labels, one_class) if dtype == "float32" else (labels,):
        target = y_true(loss, chosen)
        value, (gradient,) = value_and_gradient(
            lambda z, y=target: loss(y, ops.cast(z, dtype)),
            rows,
            jit="quick",
        )
        assert value.dtype == np.float32
        assert np.isfinite(value), value
        assert np.all(np.isfinite(gradient)), gradient


@every_loss
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_is_finite_for_probabilities_of_0_and_1(name, dtype):
    loss = make(name)
    rows = np.eye(CLASSES, dtype="float32")[[0, 1, 2, 3, 0, 1]]
    labels = np.array([0, 1, 2, 3, 1, 0])
    value, (gradient,) = value_and_gradient(
        lambda p: loss(y_true(loss, labels), ops.cast(p, dtype)), rows, jit="quick"
    )
    assert np.isfinite(value) and np.all(np.isfinite(gradient))


@every_loss
def test_is_finite_for_one_sample(name):
    loss = on_logits(name)
    labels, logits = draw(samples=1)
    value, (gradient,) = value_and_gradient(
        lambda z: loss(y_true(loss, labels), z), logits, jit="quick"
    )
    assert np.isfinite(value) and np.all(np.isfinite(gradient))


@every_loss
def test_compiled_equals_eager_and_finite_differences(name):
    loss = on_logits(name)
    labels, logits = draw(3)
    target = y_true(loss, labels)

    def run(z):
        return loss(target, z)

    value, (gradient,) = value_and_gradient(run, logits)
    compiled, (compiled_gradient,) = value_and_gradient(run, logits, jit=True)
    np.testing.assert_allclose(value, compiled, rtol=1e-5)
    np.testing.assert_allclose(gradient, compiled_gradient, rtol=1e-4, atol=1e-6)
    direction = np.random.default_rng(0).normal(size=logits.shape).astype("float32")
    step = 2e-3
    ahead, behind = (float(run(logits + s * step * direction)) for s in (1, -1))
    slope = float(np.sum(gradient * direction))
    # Float32 differences, and kinks of |x| and of bins, allow no more than this.
    assert slope == pytest.approx((ahead - behind) / (2 * step), rel=0.03, abs=0.01)


@every_loss
def test_samples_may_come_in_any_order(name):
    loss = on_logits(name)
    if loss.needs_index:
        pytest.skip("compares neighbours in the batch, as published")
    labels, logits = draw()
    order = np.random.default_rng(1).permutation(len(labels))
    assert float(loss(labels[order], logits[order])) == pytest.approx(
        float(loss(labels, logits)), rel=1e-5
    )


@every_loss
def test_a_shift_of_logits_changes_nothing(name):
    loss = on_logits(name)
    if is_contrastive(loss) or name in SHIFT_MATTERS:
        pytest.skip("depends on embeddings or on the logits themselves")
    labels, logits = draw()
    shift = np.linspace(-5, 5, len(labels), dtype="float32")[:, None]
    target = y_true(loss, labels)
    # Multiples of 8 near 1e8 are numbers of float32; what is added to them may not be.
    far = 16 * logits.round()
    for near, moved in ((logits, logits + shift), (far, far + np.float32(1e8))):
        assert float(loss(target, moved)) == pytest.approx(
            float(loss(target, near)), rel=1e-4
        )


@every_loss
def test_configuration_makes_the_same_loss(name):
    loss = make(name)
    config = keras.losses.serialize(loss)
    again = keras.losses.deserialize(config)
    assert type(again) is type(loss)
    assert keras.losses.serialize(again) == config
    if name == "RefCalLoss":
        return
    whole = losses.RefCalLoss(**{**dict.fromkeys(losses.refcal.TERMS), loss.term: loss})
    again = keras.losses.deserialize(keras.losses.serialize(whole))
    assert getattr(again, loss.term).get_config() == loss.get_config()


@every_loss
def test_rejects_data_that_does_not_fit(name):
    loss = on_logits(name)
    labels, logits = draw()
    with pytest.raises(ValueError, match=r"`y_pred` must have rank|the leading axes"):
        loss(y_true(loss, labels), np.stack([[logits, logits]] * 12))
    with pytest.raises(ValueError, match="same number of samples"):
        loss(y_true(loss, labels)[:-1], logits)
    with pytest.raises(ValueError, match="`y_pred` must be finite"):
        loss(y_true(loss, labels), np.full_like(logits, np.nan))


@every_loss
def test_is_found_by_name(name):
    cls, needed = EXPORTED[name], registry.required_arguments(EXPORTED[name])
    identifier = make(name).name
    if needed:
        with pytest.raises(ValueError, match=f"needs {needed[0]}"):
            losses.get(identifier)
    else:
        assert type(losses.get(identifier)) is cls
