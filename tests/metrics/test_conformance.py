"""What every name in `metrics.__all__` must do; a new metric is covered unlisted."""

import keras
import numpy as np
import pytest
from exported_metrics import ALL, arguments, make, optional
from hypothesis import given, settings
from hypothesis import strategies as st
from metrics_streaming import long_tailed, stream, value

from keras_refcal import metrics

NUM_CLASSES = 5
every_metric = pytest.mark.parametrize("kind", ALL, ids=metrics.__all__)


def assert_same(result, expected, atol=2e-6):
    if isinstance(expected, dict):
        assert set(result) == set(expected)
        for name in expected:
            assert result[name] == pytest.approx(expected[name], abs=atol, nan_ok=True)
    else:
        assert result == pytest.approx(expected, abs=atol, nan_ok=True)


def numbers(result):
    return list(result.values()) if isinstance(result, dict) else [result]


def data(seed=0, num_samples=192):
    return long_tailed(seed, num_samples, NUM_CLASSES)


@every_metric
def test_configuration_round_trip(kind):
    metric = make(kind, name="own_name")
    config = keras.saving.serialize_keras_object(metric)
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is kind and again.name == "own_name"
    assert again.get_config() == metric.get_config()
    assert set(metric.get_config()) >= set(arguments(kind)) - {"self"}
    assert_same(stream(again, *data()), stream(metric, *data()))


@every_metric
def test_reset(kind):
    metric = make(kind)
    fresh = value(metric.result())
    assert np.all(np.isnan(numbers(fresh)))
    first = stream(metric, *data())
    assert np.any(np.isfinite(numbers(first)))
    metric.reset_state()
    assert_same(value(metric.result()), fresh)
    assert_same(stream(metric, *data()), first)


@every_metric
def test_weight_equals_repetition_and_absence(kind):
    labels, predictions = data()
    weight = np.tile([0, 1, 2, 1], len(labels) // 4)
    repeated = stream(
        make(kind), np.repeat(labels, weight), np.repeat(predictions, weight, axis=0)
    )
    assert_same(stream(make(kind), labels, predictions, 64, weight), repeated)
    nothing = stream(make(kind), labels, predictions, 64, 0 * weight)
    assert np.all(np.isnan(numbers(nothing)))


@every_metric
@given(seed=st.integers(0, 9999), batch_size=st.sampled_from([32, 64]))
@settings(max_examples=6)
def test_any_batches_in_any_order(kind, seed, batch_size):
    labels, predictions = data(seed, 64)
    order = np.random.default_rng(seed).permutation(len(labels))
    whole = stream(make(kind), labels, predictions, len(labels))
    split = stream(make(kind), labels[order], predictions[order], batch_size)
    assert_same(split, whole)


@every_metric
def test_merge(kind):
    labels, predictions = data()
    whole = stream(make(kind), labels, predictions)
    parts = [make(kind) for _ in range(3)]
    for start, part in enumerate(parts):
        stream(part, labels[start::3], predictions[start::3])
    empty = make(kind)
    empty.merge_state([make(kind), *parts])
    assert_same(value(empty.result()), whole)
    with pytest.raises(ValueError, match="metric"):
        empty.merge_state([keras.metrics.Mean()])


@every_metric
def test_states_of_replicas_add_up(kind):
    labels, predictions = data()
    parts = [make(kind) for _ in range(2)]
    for start, part in enumerate(parts):
        stream(part, labels[start::2], predictions[start::2])
    for ours, its in zip(parts[0].variables, parts[1].variables, strict=True):
        ours.assign_add(its)
    result = value(parts[0].result())
    assert_same(result, stream(make(kind), labels, predictions))


@every_metric
def test_forms_of_labels(kind):
    labels, predictions = data()
    expected = stream(make(kind), labels, predictions)
    one_hot = np.eye(NUM_CLASSES, dtype="float32")[labels]
    for form in (labels[:, None], one_hot):
        assert_same(stream(make(kind), form, predictions), expected, atol=0)


@every_metric
def test_logits(kind):
    if "from_logits" not in arguments(kind):
        pytest.skip("takes what the metric inside takes")
    labels, predictions = data()
    logits = np.log(predictions) + 3
    result = stream(make(kind, from_logits=True), labels, logits)
    assert_same(result, stream(make(kind), labels, predictions), atol=1e-5)
    extreme = np.where(logits > 3, 6e4, -6e4).astype("float32")
    results = stream(make(kind, from_logits=True), labels, extreme)
    assert not np.any(np.isinf(numbers(results)))


@every_metric
def test_a_single_sample(kind):
    metric = make(kind)
    metric.update_state(np.array([1]), np.eye(NUM_CLASSES, dtype="float32")[:1])
    results = np.array(numbers(value(metric.result())))
    assert not np.any(results < -1e-6)


@every_metric
def test_computes_in_float32_at_least(kind):
    labels, predictions = data()
    metric = make(kind, dtype="mixed_float16")
    stream(metric, labels, predictions.astype("float16"))
    assert {keras.backend.standardize_dtype(v.dtype) for v in metric.variables} == {
        "float32"
    }


@every_metric
def test_rows_that_are_not_finite_count_as_absent_and_are_reported(kind):
    labels, predictions = data()
    expected = stream(make(kind), labels[64:], predictions[64:])
    predictions[:64, 1] = np.nan
    predictions[1, 0], predictions[2] = np.inf, -np.inf
    with pytest.warns(RuntimeWarning, match="weight"):
        assert_same(stream(make(kind), labels, predictions), expected)


@every_metric
def test_refuses_logits_that_it_takes_for_probabilities(kind):
    labels, predictions = data()
    with pytest.raises(ValueError, match="from_logits"):
        stream(make(kind), labels, np.log(predictions))


@every_metric
def test_refuses_wrong_shapes(kind):
    _, predictions = data()
    with pytest.raises(ValueError, match="y_true"):
        make(kind).update_state(np.zeros((192, 2)), predictions)
    with pytest.raises(ValueError, match="y_pred"):
        make(kind).update_state(np.zeros(192), predictions[None])


@every_metric
def test_stateless_and_compiled(kind):
    labels, predictions = data(num_samples=192)
    metric = make(kind, **optional(kind, num_classes=NUM_CLASSES))
    if not metric.variables:
        pytest.skip("its state depends on the first batch")
    step = compiled(metric.stateless_update_state)
    state = [keras.ops.convert_to_tensor(v) for v in metric.variables]
    for rows in np.split(np.arange(192), 3):
        state = step(state, labels[rows], predictions[rows])
    result = compiled(metric.stateless_result)(state)
    assert_same(value(result), stream(make(kind), labels, predictions), atol=1e-5)


def compiled(function):
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(function)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.function(function, jit_compile=True)
    return function


def test_all_in_a_compiled_model_saved_and_reloaded(tmp_path):
    labels, predictions = data(num_samples=96)
    inputs = np.log(predictions)
    weight = np.random.default_rng(0).integers(0, 3, len(labels)).astype("float32")
    model = keras.Sequential([keras.Input((NUM_CLASSES,)), keras.layers.Softmax()])
    model.compile(
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        weighted_metrics=[make(kind, name=kind.__name__) for kind in ALL],
    )
    history = model.fit(
        inputs,
        labels,
        sample_weight=weight,
        validation_data=(inputs, labels),
        batch_size=32,
        epochs=2,
        verbose=0,
    ).history
    expected, weighted = {}, {}
    for kind in ALL:
        expected |= named(kind, labels, predictions)
        weighted |= named(kind, labels, predictions, 32, weight)
    for epoch in range(2):
        logs = {name: history[name][epoch] for name in weighted}
        assert_same(logs, weighted, atol=1e-5)
        logs = {name: history[f"val_{name}"][epoch] for name in expected}
        assert_same(logs, expected, atol=1e-5)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    logs = again.evaluate(inputs, labels, batch_size=32, verbose=0, return_dict=True)
    assert_same({name: logs[name] for name in expected}, expected, atol=1e-5)


def named(kind, *batches):
    """Returns the figures of a metric by the names that `fit` logs."""
    scores = stream(make(kind, name=kind.__name__), *batches)
    return scores if isinstance(scores, dict) else {kind.__name__: scores}
