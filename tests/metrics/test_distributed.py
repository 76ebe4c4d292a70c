import json

import keras
import new_process
import pytest

# The devices have to be set up before the backend starts.
SCRIPT = """
import json
import os
import sys

DEVICES = int(sys.argv[1])
os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={DEVICES}"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import contextlib

import keras
import numpy as np

from keras_refcal import metrics


def scope():
    if keras.backend.backend() == "jax":
        import jax

        if len(jax.devices()) != DEVICES:
            raise RuntimeError(f"expected {DEVICES} devices, got {jax.devices()}")
        keras.distribution.set_distribution(keras.distribution.DataParallel())
        return contextlib.nullcontext()
    import tensorflow as tf

    cpu = tf.config.list_physical_devices("CPU")[0]
    logical = [tf.config.LogicalDeviceConfiguration() for _ in range(DEVICES)]
    tf.config.set_logical_device_configuration(cpu, logical)
    names = [device.name for device in tf.config.list_logical_devices("CPU")]
    return tf.distribute.MirroredStrategy(names).scope()


def all_metrics():
    ece = metrics.ExpectedCalibrationError(name="grouped_ece")
    return [
        metrics.ExpectedCalibrationError(),
        metrics.StaticCalibrationError(),
        metrics.BrierScore(decomposition=True),
        metrics.Refinement(),
        metrics.AreaUnderRiskCoverage(),
        metrics.GroupedMetric(ece, [500, 500, 50, 5]),
    ]


def main():
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 4, 96)
    inputs = generator.normal(size=(96, 4)).astype("float32")
    inputs[np.arange(96), labels] += 1
    weight = generator.integers(0, 3, 96).astype("float32")
    with scope():
        model = keras.Sequential(
            [
                keras.Input((4,)),
                keras.layers.Dense(4, "softmax", kernel_initializer="identity"),
            ]
        )
        model.compile(
            keras.optimizers.SGD(0.0),
            "sparse_categorical_crossentropy",
            weighted_metrics=all_metrics(),
        )
        logs = model.evaluate(
            inputs, labels, 32, sample_weight=weight, verbose=0, return_dict=True
        )
        history = model.fit(
            inputs, labels, 32, sample_weight=weight, epochs=2, verbose=0
        ).history
    last = {f"fit_{name}": values[-1] for name, values in history.items()}
    print(json.dumps({k: float(v) for k, v in (logs | last).items()}))


main()
"""


def run(devices):
    done = new_process.run(SCRIPT, devices)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.strip().splitlines()[-1])


def test_two_devices_equal_one():
    if keras.backend.backend() == "torch":
        pytest.skip("Keras has no data parallelism in one process on PyTorch")
    one, two = run(1), run(2)
    assert set(one) == set(two)
    # The loss is the mean of the devices' weighted means, so it may differ.
    scores = {name for name in one if not name.endswith("loss")}
    assert len(scores) >= 18
    for name in scores:
        assert two[name] == pytest.approx(one[name], abs=2e-6, nan_ok=True), name
