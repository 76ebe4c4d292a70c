"""Time of one update of each metric against Keras' own accuracy.

    KERAS_BACKEND=jax python benchmarks/metric_update.py

Both are called in turn, once eagerly and once inside a compiled function, with 256 rows
of 100 classes; the medians and their ratios, with versions, go to
`benchmarks/results/metric_update_<backend>.json`. On PyTorch Keras compiles nothing.
"""

import importlib.metadata
import inspect
import json
import os
import pathlib
import platform
import statistics
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from keras_refcal import metrics

ROWS, NUM_CLASSES, REPEATS = 256, 100, int(os.environ.get("REPEATS", 200))
RESULTS = pathlib.Path(__file__).with_name("results")
ARGUMENTS = {
    "class_counts": [500] * (NUM_CLASSES // 2) + [50] * (NUM_CLASSES // 2),
    "metric": metrics.ExpectedCalibrationError(),
    "metrics": [metrics.ExpectedCalibrationError(), metrics.BrierScore()],
}


def batch():
    generator = np.random.default_rng(0)
    probabilities = generator.dirichlet(np.full(NUM_CLASSES, 0.1), ROWS)
    labels = generator.integers(0, NUM_CLASSES, ROWS).astype("int32")
    return [
        keras.ops.convert_to_tensor(array)
        for array in (labels, probabilities.astype("float32"))
    ]


def make(kind):
    wanted = inspect.signature(kind.__init__).parameters
    given = {name: value for name, value in ARGUMENTS.items() if name in wanted}
    classes = {"num_classes": NUM_CLASSES} if "num_classes" in wanted else {}
    return kind(**given, **classes)


def eager(metric, labels, probabilities):
    def update():
        metric.update_state(labels, probabilities)
        finish(metric.variables[0].value)

    return update


def compiled(metric, labels, probabilities):
    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        step = jax.jit(metric.stateless_update_state)
        state = [variable.value for variable in metric.variables]
        return lambda: jax.block_until_ready(step(state, labels, probabilities))
    if backend == "tensorflow":
        import tensorflow as tf

        step = tf.function(metric.update_state, jit_compile=True)
        return lambda: step(labels, probabilities)
    return None


def finish(tensor):
    if keras.backend.backend() == "jax":
        tensor.block_until_ready()


def alternate(ours, theirs):
    """Returns the medians of two functions called in turn, in microseconds."""
    times = ([], [])
    for function in (ours, theirs) * 3:
        function()
    for _ in range(REPEATS):
        for function, seconds in zip((ours, theirs), times, strict=True):
            start = time.perf_counter()
            function()
            seconds.append(time.perf_counter() - start)
    return [1e6 * statistics.median(seconds) for seconds in times]


def compare(kind):
    """Returns the times of a metric and of accuracy, eager and compiled."""
    row = {}
    for name, way in (("eager", eager), ("compiled", compiled)):
        pair = [make(kind), keras.metrics.SparseCategoricalAccuracy()]
        functions = [way(metric, *batch()) for metric in pair]
        if None not in functions:
            ours, accuracy = alternate(*functions)
            row[name] = {
                "metric_us": round(ours, 1),
                "accuracy_us": round(accuracy, 1),
                "ratio": round(ours / accuracy, 2),
            }
    return row


def versions():
    names = ("keras", "tensorflow-cpu", "jax", "torch", "numpy")
    installed = {d.metadata["Name"].lower() for d in importlib.metadata.distributions()}
    found = {n for n in names if n in installed or n.replace("-", "_") in installed}
    return {name: importlib.metadata.version(name) for name in sorted(found)}


def main():
    rows = {}
    for name in metrics.__all__:
        rows[name] = compare(getattr(metrics, name))
        ratios = {way: times["ratio"] for way, times in rows[name].items()}
        print(f"{name:38s} x accuracy: {ratios}", flush=True)
    backend = keras.backend.backend()
    result = {
        "backend": backend,
        "rows": ROWS,
        "num_classes": NUM_CLASSES,
        "repeats": REPEATS,
        "python": platform.python_version(),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}",
        "load": [round(value, 1) for value in os.getloadavg()],
        "versions": versions(),
        "metrics": rows,
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"metric_update_{backend}.json"
    path.write_text(json.dumps(result, indent=1) + "\n")
    print(path)


if __name__ == "__main__":
    main()
