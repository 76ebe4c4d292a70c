"""One process of `benchmarks.gpu`: checks and figures of one backend."""

import argparse
import contextlib
import fcntl
import inspect
import json
import os
import pathlib
import time
import traceback

if os.environ["KERAS_BACKEND"] == "torch":
    import torch
else:
    import jax

import keras
import numpy as np

from benchmarks import gpu_contrast
from keras_refcal import losses, metrics
from keras_refcal.data import augment, seeds
from keras_refcal.files import write_json

BACKEND = keras.backend.backend()
CLASSES, ROWS = 10, 256
COUNTS = [500, 400, 300, 200, 150, 100, 60, 40, 30, 20]
ARGUMENTS = {
    "class_counts": COUNTS,
    "num_classes": CLASSES,
    "num_samples": ROWS,
    "embedding_dim": CLASSES,
    "metric": lambda: metrics.ExpectedCalibrationError(),
    "metrics": lambda: [metrics.ExpectedCalibrationError(), metrics.BrierScore()],
}
VIEW_BATCH, VIEW_SECONDS = 1024, 1.0


class Results:
    """Figures by name, in a file that is written after each."""

    def __init__(self, path, until):
        self.path, self.until = path, until
        self.found = json.loads(path.read_text()) if path.exists() else {}

    def measure(self, name, function):
        """Keeps what a function returns, or the error that it raises."""
        known = self.found.get(name)
        if known is not None and "error" not in known:
            return
        if time.time() > self.until:
            return
        start = time.time()
        try:
            row = function()
        except Exception as error:
            traceback.print_exc()
            row = {"error": f"{type(error).__name__}: {error}"[:300]}
        self.found[name] = {**row, "took_s": round(time.time() - start, 2)}
        write_json(self.path, self.found)
        print(name, self.found[name], flush=True)


@contextlib.contextmanager
def alone(output_dir):
    """Has the GPU to itself, of all processes of this benchmark."""
    with (output_dir / "gpu.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main(argv=None):
    parser = argparse.ArgumentParser()
    for name in ("name", "parts"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--output_dir", type=pathlib.Path, required=True)
    parser.add_argument("--until", type=float, required=True)
    parser.add_argument("--tiny", action="store_true")
    flags = parser.parse_args(argv)
    results = Results(flags.output_dir / f"{flags.name}.json", flags.until)
    results.measure("machine", machine)
    parts = flags.parts.split(",")
    if "equality" in parts:
        equality(results, flags.output_dir / f"{flags.name}.npz")
    if "contrast" in parts:
        gpu_contrast.measure(results, lambda: alone(flags.output_dir), flags.tiny)
    if "metrics" in parts:
        updates(results, flags)
    if "views" in parts:
        views(results, flags)


def machine():
    """Returns what computes."""
    if BACKEND == "torch":
        device = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
        return {
            "device": device,
            "torch": torch.__version__,
            "keras": keras.__version__,
        }
    device = jax.devices()[0].device_kind
    return {"device": device, "jax": jax.__version__, "keras": keras.__version__}


def equality(results, path):
    """Writes values and gradients of losses, and metrics, for another process."""
    values = dict(np.load(path)) if path.exists() else {}
    labels, logits = draw()
    exact = contextlib.nullcontext()
    if BACKEND == "jax":
        exact = jax.default_matmul_precision("highest")

    def keep(name, function, *arguments):
        def measured():
            values.update(function(*arguments))
            np.savez(path, **values)
            return {}

        with exact:
            results.measure(f"equality/{name}", measured)

    for name in losses.__all__:
        if isinstance(getattr(losses, name), type):
            keep(name, loss_values, name, labels, logits)
    for name in metrics.__all__:
        keep(name, metric_values, name, labels, softmax(logits))


def draw():
    generator = np.random.default_rng(0)
    labels = generator.integers(0, CLASSES, ROWS)
    return labels, 2 * generator.normal(size=(ROWS, CLASSES)).astype("float32")


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def made(kind):
    known = inspect.signature(kind).parameters
    given = {k: v() if callable(v) else v for k, v in ARGUMENTS.items() if k in known}
    made = kind(**given)
    if isinstance(made, keras.losses.Loss) and hasattr(made, "from_logits"):
        return kind(**given, from_logits=True)
    return made


def loss_values(name, labels, logits):
    """Returns the value of a loss and its gradient."""
    keras.utils.set_random_seed(0)
    loss = made(getattr(losses, name))
    if loss.needs_index:
        labels = np.stack([labels, np.arange(len(labels))], axis=1)
    value, gradient = value_and_gradient(loss, labels, logits)
    return {f"{name}/value": value, f"{name}/gradient": gradient}


def value_and_gradient(loss, labels, logits):
    if BACKEND == "jax":
        labels = jax.numpy.asarray(labels)
        found = jax.jit(jax.value_and_grad(lambda x: loss(labels, x)))(logits)
    else:
        logits = keras.ops.convert_to_tensor(logits).requires_grad_()
        value = loss(keras.ops.convert_to_tensor(labels), logits)
        found = value, torch.autograd.grad(value, logits)[0]
    return [keras.ops.convert_to_numpy(x) for x in found]


def metric_values(name, labels, probabilities):
    """Returns the result of a metric after two updates."""
    metric = made(getattr(metrics, name))
    update = updating(metric)
    for rows in (slice(0, 128), slice(128, None)):
        update(labels[rows].astype("int32"), probabilities[rows])
    flat = keras.tree.flatten(metric.result())
    numbers = [np.ravel(keras.ops.convert_to_numpy(x)) for x in flat]
    return {f"{name}/result": np.nan_to_num(np.concatenate(numbers), nan=-1.0)}


def updating(metric):
    """Returns a function that updates a metric, compiled where a step would be."""
    if BACKEND == "torch":
        return lambda y, p: metric.update_state(
            keras.ops.convert_to_tensor(y), keras.ops.convert_to_tensor(p)
        )
    step = jax.jit(metric.stateless_update_state)

    def update(y, p):
        state = step([v.value for v in metric.variables], y, p)
        for variable, value in zip(metric.variables, state, strict=True):
            variable.assign(value)

    return update


def updates(results, flags):
    """Measures an update of each metric, and of Keras' accuracy."""
    labels, logits = draw()
    probabilities = keras.ops.convert_to_tensor(softmax(logits))
    labels = keras.ops.convert_to_tensor(labels.astype("int32"))
    repeats = 3 if flags.tiny else 30

    def measured(kind):
        metric = made(kind)
        if BACKEND == "torch":
            run = lambda: metric.update_state(labels, probabilities)  # noqa: E731
        else:
            step = jax.jit(metric.stateless_update_state)
            state = [v.value for v in metric.variables]
            run = lambda: step(state, labels, probabilities)  # noqa: E731
        run()
        with alone(flags.output_dir):
            return {"us": round(1e3 * gpu_contrast.median_ms(run, repeats), 1)}

    accuracy = keras.metrics.SparseCategoricalAccuracy
    for kind in [accuracy, *(getattr(metrics, name) for name in metrics.__all__)]:
        results.measure(f"metrics/{kind.__name__}", lambda kind=kind: measured(kind))


def views(results, flags):
    """Measures views a second, two an image, of images of 32 x 32 pixels."""
    batch = 16 if flags.tiny else VIEW_BATCH
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (batch, 32, 32, 3)).astype("uint8")
    images = keras.ops.convert_to_tensor(images)
    names = ["simclr"] if flags.tiny else [*augment.AUGMENTATIONS]

    def measured(name):
        make = augment.get(name)

        def batch_of(key):
            return augment.augmented_views(images, 2, make, seeds.DeviceSeed(key))

        step = jax.jit(batch_of) if BACKEND == "jax" else batch_of
        key = keras.random.SeedGenerator(0).next()
        step(key)
        with alone(flags.output_dir):
            ms = gpu_contrast.median_ms(lambda: step(key), 3 if flags.tiny else 20)
        return {"ms": round(ms, 3), "views_per_second": round(2e3 * batch / ms)}

    for name in sorted(names, key=lambda name: name != "simclr"):
        results.measure(f"views/{name}", lambda name=name: measured(name))


if __name__ == "__main__":
    main()
