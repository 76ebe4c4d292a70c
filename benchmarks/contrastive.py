"""Contrastive loss and its gradient: time and memory against the dense forms.

    KERAS_BACKEND=torch python -m benchmarks.contrastive

Three peers: the published code of the loss, restated by its formula in PyTorch
(`published`, on every backend); the same formula in Keras operations, compiled where
the backend compiles (`dense`); and pytorch-metric-learning, where it is installed.
Embeddings have 128 features and are scaled to unit length inside the step. Time is the
median of steps in turns, in one process; memory is the peak beyond the start, each in a
process of its own. Last, a training step with and without `micro_batch_size`.

On one core (`taskset -c 0 python -m …`) the clock is that of the processor, which the
other jobs of a busy machine do not move. Writes
`benchmarks/results/contrastive-<backend>.json`.
"""

import argparse
import os
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import torch  # isort: skip  before TensorFlow, which otherwise crashes it

import keras
import numpy as np

from benchmarks import harness
from benchmarks.contrastive_forms import (
    BASE_TEMPERATURE,
    DIM,
    NUM_CLASSES,
    TEMPERATURE,
    VIEWS,
    Dense,
    published,
)
from keras_refcal import RefCalModel, losses
from keras_refcal.models import encoders

BACKEND = keras.backend.backend()
TIMED_ROWS = (256, 512, 1024, 2048, 8192, 16384)
LONG_ROWS = (32768, 65536)  # ours alone: the published code would need 130 GB
FASTER = {"torch": 10, "jax": 8, "tensorflow": 8}
SMALLER = {"torch": 20, "jax": 10, "tensorflow": 10}


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=TIMED_ROWS + LONG_ROWS)
    parser.add_argument(
        "--skip", choices=["time", "memory", "training"], action="append"
    )
    arguments = parser.parse_args(argv)
    skip = arguments.skip or []
    one_core = len(os.sched_getaffinity(0)) == 1
    name = f"contrastive-{BACKEND}"
    previous = harness.read_result(name) or {}
    result = {
        "clock": previous.get("clock"),
        "rows": previous.get("rows", {}),
        "training_step_extra_mb": previous.get("training_step_extra_mb", {}),
    }
    for size in arguments.rows:
        row = result["rows"].setdefault(str(size), {})
        if "time" not in skip and size in TIMED_ROWS:
            row["ms"] = times(size, one_core)
        if "memory" not in skip:
            row["extra_mb"] = memory(size)
        print(size, row, flush=True)
        harness.write_result(name, result)
    if "time" not in skip:
        result["clock"] = "processor, one core" if one_core else "wall"
    if "training" not in skip:
        result["training_step_extra_mb"] = {
            str(size): extra_mb("training_step", micro_batch_size=size)
            for size in (None, 32)
        }
    result["claims"] = claims(result)
    print(*result["claims"], sep="\n")
    print(harness.write_result(name, result))


def times(size, one_core):
    """Returns the milliseconds of each variant at this many rows."""
    functions = {variant: step(variant, size) for variant in variants(size)}
    agree(functions)
    repeats = int(np.clip(20_000 // size, 11, 41))
    clock = time.process_time if one_core else time.perf_counter
    pause = 0.02 if size >= 8192 else 0.0
    return harness.median_ms(functions, repeats, warmup=1, clock=clock, pause=pause)


def memory(size):
    """Returns the extra MB of each variant at this many rows."""
    return {variant: extra_mb("step", variant, size) for variant in variants(size)}


def extra_mb(function, variant=None, size=None, **arguments):
    if function == "step":
        arguments, smallest = {"variant": variant, "size": size}, {"size": 64}
    else:
        smallest = {"batch": 2}
    backend = "torch" if variant in ("published", "metric_learning") else BACKEND
    return harness.peak_extra_mb(
        f"benchmarks.contrastive:{function}",
        arguments,
        backend,
        smallest=arguments | smallest if backend == "tensorflow" else None,
    )


def variants(size):
    """Returns what is measured at this many rows."""
    if size in LONG_ROWS:
        return ["ours"]
    found = ["ours", "published", "dense"]
    if harness.is_installed("pytorch-metric-learning") and size <= 8192:
        found.append("metric_learning")
    return found if size <= 8192 else ["ours", "published"]


def agree(functions):
    """Raises unless all variants compute one loss and one gradient."""
    expected, *others = [[np.asarray(x) for x in f()] for f in functions.values()]
    for value, gradient in others:
        np.testing.assert_allclose(value, expected[0], rtol=1e-4)
        bound = 1e-4 * np.abs(expected[1]).max()
        np.testing.assert_allclose(gradient, expected[1], atol=bound)


def step(variant, size):
    """Returns a function that returns the value and the gradient of a variant."""
    generator = np.random.default_rng(0)
    shape = (size // VIEWS, VIEWS, DIM)
    embeddings = generator.normal(size=shape).astype("float32")
    labels = generator.integers(0, NUM_CLASSES, len(embeddings))
    if variant == "published":
        return torch_step(published, labels, embeddings)
    if variant == "metric_learning":
        return torch_step(metric_learning(), labels, embeddings)
    loss = Dense() if variant == "dense" else losses.SupervisedContrastiveLoss()
    make = {"torch": torch_step, "jax": jax_step, "tensorflow": tensorflow_step}
    return make[BACKEND](loss, labels, embeddings)


def torch_step(loss, labels, embeddings):
    labels, embeddings = torch.tensor(labels), torch.tensor(embeddings)
    embeddings.requires_grad_()

    def run():
        value = loss(labels, embeddings)
        (gradient,) = torch.autograd.grad(value, embeddings)
        return value.detach(), gradient

    return run


def jax_step(loss, labels, embeddings):
    import jax

    compiled = jax.jit(jax.value_and_grad(lambda x, y: loss(y, x)))
    embeddings, labels = jax.numpy.asarray(embeddings), jax.numpy.asarray(labels)
    return lambda: jax.block_until_ready(compiled(embeddings, labels))


def tensorflow_step(loss, labels, embeddings):
    import tensorflow as tf

    @tf.function(jit_compile=True)
    def compiled(embeddings, labels):
        with tf.GradientTape() as tape:
            tape.watch(embeddings)
            value = loss(labels, embeddings)
        return value, tape.gradient(value, embeddings)

    embeddings, labels = tf.constant(embeddings), tf.constant(labels)
    return lambda: compiled(embeddings, labels)


def metric_learning():
    """The loss of pytorch-metric-learning, which leaves out T / T_base."""
    from pytorch_metric_learning.losses import SupConLoss

    loss = SupConLoss(temperature=TEMPERATURE)

    def scaled(labels, embeddings):
        rows = torch.cat(embeddings.unbind(1))
        return loss(rows, labels.repeat(VIEWS)) * (TEMPERATURE / BASE_TEMPERATURE)

    return scaled


def training_step(micro_batch_size, batch=128):
    """Returns a training step of a ResNet-20 on two views of a batch of images."""
    keras.utils.set_random_seed(0)
    encoder = encoders.get("resnet20")(input_shape=(32, 32, 3))
    model = RefCalModel(encoder, NUM_CLASSES, micro_batch_size=micro_batch_size)
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9), losses.RefCalLoss())
    generator = np.random.default_rng(0)
    images = generator.random((batch, VIEWS, 32, 32, 3), "float32")
    labels = generator.integers(0, NUM_CLASSES, batch)
    return lambda: model.train_on_batch(images, labels)


def claims(result):
    """Returns the ratios that the issue asks for, where they were measured."""
    rows, found = result["rows"], []

    def compare(text, size, kind, peer, target, unit):
        figures = rows.get(str(size), {}).get(kind)
        if figures:
            text = f"{BACKEND}: contrastive loss, {size} rows, {text}"
            found.append(
                harness.claim(text, figures["ours"], figures[peer], target, unit)
            )

    compare("time, published code", 8192, "ms", "published", FASTER[BACKEND], "ms")
    compare(
        "memory, published code", 8192, "extra_mb", "published", SMALLER[BACKEND], "MB"
    )
    for size in (256, 512):
        compare("time, dense form", size, "ms", "dense", 0.91, "ms")
    longest = rows.get("65536", {}).get("extra_mb")
    if longest:
        text = (
            f"{BACKEND}: contrastive loss, memory of 65536 rows, 8 times that of 8192"
        )
        linear = 8 * rows["8192"]["extra_mb"]["ours"]
        found.append(harness.claim(text, longest["ours"], linear, 1, "MB"))
    training = result["training_step_extra_mb"]
    if training:
        text = f"{BACKEND}: training step, memory, without micro_batch_size=32"
        found.append(harness.claim(text, training["32"], training["None"], 2, "MB"))
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
