"""Time of one update of each metric against Keras' own accuracy.

    KERAS_BACKEND=jax python -m benchmarks.metric_update

Both are called in turn, once eagerly and once inside a compiled function, with 256 rows
of 100 classes; the medians and their ratios, with versions, go to
`benchmarks/results/metric_update_<backend>.json`. On PyTorch Keras compiles nothing.
"""

import inspect
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from benchmarks.harness import claim, median_ms, write_result
from keras_refcal import metrics

ROWS, NUM_CLASSES, REPEATS = 256, 100, int(os.environ.get("REPEATS", 200))
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


def compare(kind):
    """Returns the times of a metric and of accuracy, eager and compiled."""
    row = {}
    for name, way in (("eager", eager), ("compiled", compiled)):
        pair = [make(kind), keras.metrics.SparseCategoricalAccuracy()]
        functions = [way(metric, *batch()) for metric in pair]
        if None not in functions:
            named = dict(zip(("metric", "accuracy"), functions, strict=True))
            times = median_ms(named, REPEATS, warmup=3)
            ours, accuracy = (1e3 * value for value in times.values())
            row[name] = {
                "metric_us": round(ours, 1),
                "accuracy_us": round(accuracy, 1),
                "ratio": round(ours / accuracy, 2),
            }
    return row


def main(argv=None):
    """Measures, writes the result and prints where it lies."""
    rows = {}
    for name in metrics.__all__:
        rows[name] = compare(getattr(metrics, name))
        ratios = {way: times["ratio"] for way, times in rows[name].items()}
        print(f"{name:38s} x accuracy: {ratios}", flush=True)
    backend = keras.backend.backend()
    claims = [
        claim(
            f"an update of ECE against Keras' accuracy, {way}, {backend}",
            times["metric_us"],
            times["accuracy_us"],
            1,
            "µs",
        )
        for way, times in rows["ExpectedCalibrationError"].items()
    ]
    result = {
        "rows": ROWS,
        "num_classes": NUM_CLASSES,
        "repeats": REPEATS,
        "metrics": rows,
        "claims": claims,
    }
    print(write_result(f"metric_update_{backend}", result))


if __name__ == "__main__":
    main()
