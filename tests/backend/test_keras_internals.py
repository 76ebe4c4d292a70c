"""What is used of Keras beside its public names is there, and still read or called."""

import ast
import pathlib

import keras
import numpy as np
import pytest
from keras import ops

from keras_refcal import RefCalModel
from keras_refcal.backend import keras_internals as internals
from keras_refcal.losses import RefCalLoss

TRAINERS = pathlib.Path(keras.__file__).parent / "src" / "backend"


def compiled():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"])
    return model


def reads(path, function, name):
    """Whether a method of a file of Keras mentions an attribute."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [x for x in ast.walk(tree) if isinstance(x, ast.FunctionDef)]
    bodies = [x for x in functions if x.name == function]
    return any(
        isinstance(node, ast.Attribute) and node.attr == name
        for body in bodies
        for node in ast.walk(body)
    )


def test_the_loss_is_counted_in_the_first_metric():
    model = compiled()
    internals.track_loss(model, ops.convert_to_tensor(3.0), 2)
    internals.track_loss(model, ops.convert_to_tensor(6.0), 1)
    assert model.metrics[0].name == "loss"
    assert float(model.metrics[0].result()) == pytest.approx(4.0)


def test_losses_of_a_forward_pass_are_those_of_the_model():
    layer = keras.layers.Dense(1, kernel_regularizer="l2")
    model = keras.Sequential([keras.Input((2,)), layer])
    with internals.losses_of_forward(model, [7.0]):
        assert model.losses == [7.0]
    assert len(model.losses) == 1 and float(model.losses[0]) != 7.0


@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_a_model_without_the_loss_of_keras_is_not_traced_at_every_step(backend):
    # Where the holder of the loss is there and not built, Keras builds the model anew.
    model = compiled()
    assert model._compile_loss is not None
    internals.without_loss_of_keras(model)
    trainer = TRAINERS.parent / "trainers" / "trainer.py"
    assert reads(trainer, "_symbolic_build", "_compile_loss")
    path = TRAINERS / backend / "trainer.py"
    called = [
        reads(path, name, "_symbolic_build") for name in ("fit", "train_on_batch")
    ]
    called += [
        reads(path, name, "_maybe_symbolic_build") for name in ("fit", "evaluate")
    ]
    assert any(called)


def test_keras_builds_models_through_the_method_that_is_overridden():
    path = TRAINERS / "tensorflow" / "trainer.py"
    assert reads(path, "fit", "_maybe_symbolic_build")
    assert reads(path, "evaluate", "_maybe_symbolic_build")
    assert reads(path, "__init__", "_distribute_strategy") or reads(
        path, "distribute_strategy", "_distribute_strategy"
    )


def test_logs_come_in_the_order_of_the_metrics():
    model = compiled()
    model.evaluate(np.ones((4, 2)), np.ones((4, 1)), verbose=0)
    assert internals.in_order_of_metrics(model, {"mae": 1.0, "loss": 2.0}) == [2.0, 1.0]


def test_flat_layers_are_all_layers():
    inner = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, name="deep")])
    model = keras.Sequential([keras.Input((2,)), inner])
    found = internals.flat_layers(model)
    assert found[0] is model and "deep" in [layer.name for layer in found]
    assert internals.flat_layers(model, include_self=False)[0] is not model


def test_metrics_that_are_added_tell_callbacks_which_way_is_better():
    model = compiled()
    metric = keras.metrics.Mean(name="mine")
    internals.say_less_is_better(metric)
    added = internals.MetricsList([metric])
    internals.add_metrics(model, added)
    assert added in model.metrics
    stop = keras.callbacks.EarlyStopping("mine", patience=0)
    stop.set_model(model)
    stop._set_monitor_op()
    assert stop.monitor_op(1, 2) and not stop.monitor_op(2, 1)
    internals.remove_metrics(model, added)
    assert added not in model.metrics


def test_the_mask_of_a_layer_is_found():
    masked = keras.layers.Masking()(np.array([[[1.0], [0.0]]], "float32"))
    found = ops.convert_to_numpy(internals.get_keras_mask(masked))
    np.testing.assert_array_equal(found, [[True, False]])


def test_a_stateless_scope_is_noticed():
    assert not internals.in_stateless_scope()
    with keras.StatelessScope():
        assert internals.in_stateless_scope()


def traced_again(model):
    """Returns how often `train_on_batch` traces the model after its first call."""
    traced, compute = [], model.compute_loss

    def watch(*args, **kwargs):
        tensors = keras.tree.flatten((args, kwargs))
        traced.append(any(isinstance(x, keras.KerasTensor) for x in tensors))
        return compute(*args, **kwargs)

    model.compute_loss = watch
    x, y = np.ones((4, 8, 8, 1), "float32"), np.array([0, 1, 0, 1])
    model.train_on_batch(x, y)
    first = len(traced)
    for _ in range(2):
        model.train_on_batch(x, y)
    return sum(traced[first:])


def test_steps_after_the_first_trace_nothing():
    encoder = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()])
    model = RefCalModel(encoder, num_classes=2, projection_dim=4)
    model.compile("sgd", RefCalLoss())
    assert traced_again(model) == 0
