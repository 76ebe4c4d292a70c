"""A training step of `RefCalModel`, beside a step that is written by hand.

    KERAS_BACKEND=torch python -m benchmarks.training_step

A ResNet-20 with a classifier on top, batches of 32 images of 32x32, cross-entropy, SGD
with momentum. By hand means: the same Keras layers, and the framework's own loss,
gradient, optimizer and compiler (`tf.function`, `jax.jit`, none on PyTorch).
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from benchmarks.harness import claim, median_ms, write_result
from keras_refcal import RefCalModel, losses
from keras_refcal.models import encoders

BATCH, CLASSES, RATE, MOMENTUM, MOST = 32, 10, 0.1, 0.9, 1.03


def network():
    """Returns an encoder with a classifier that gives logits."""
    encoder = encoders.resnet_cifar(20)
    logits = keras.layers.Dense(CLASSES)(encoder.output)
    return keras.Model(encoder.input, logits)


def by_hand_torch(model, x, y):
    """Returns a step on PyTorch."""
    import torch

    optimizer = torch.optim.SGD(model.parameters(), RATE, MOMENTUM)
    x, y = torch.tensor(x), torch.tensor(y).long()

    def step():
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(x, training=True), y)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def by_hand_tensorflow(model, x, y):
    """Returns a step on TensorFlow."""
    import tensorflow as tf

    weights = [variable.value for variable in model.trainable_variables]
    speeds = [tf.Variable(tf.zeros_like(weight)) for weight in weights]
    x, y = tf.constant(x), tf.constant(y)

    @tf.function
    def update(x, y):
        with tf.GradientTape() as tape:
            logits = model(x, training=True)
            each = tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits)
            loss = tf.reduce_mean(each)
        gradients = tape.gradient(loss, weights)
        for weight, speed, gradient in zip(weights, speeds, gradients, strict=True):
            speed.assign(MOMENTUM * speed + gradient)
            weight.assign_sub(RATE * speed)
        return loss

    return lambda: float(update(x, y))


def by_hand_jax(model, x, y):
    """Returns a step on JAX."""
    import jax
    import jax.numpy as jnp

    def loss_of(trainable, others, x, y):
        logits, others = model.stateless_call(trainable, others, x, training=True)
        logs = jax.nn.log_softmax(logits)
        return -jnp.mean(logs[jnp.arange(BATCH), y]), others

    @jax.jit
    def update(state, x, y):
        trainable, others, speeds = state
        gradient = jax.value_and_grad(loss_of, has_aux=True)
        (loss, others), gradients = gradient(trainable, others, x, y)
        speeds = jax.tree.map(lambda s, g: MOMENTUM * s + g, speeds, gradients)
        trainable = jax.tree.map(lambda w, s: w - RATE * s, trainable, speeds)
        return loss, (trainable, others, speeds)

    trainable = [variable.value for variable in model.trainable_variables]
    others = [variable.value for variable in model.non_trainable_variables]
    state = (trainable, others, [jnp.zeros_like(weight) for weight in trainable])
    x, y = jnp.asarray(x), jnp.asarray(y)

    def step():
        nonlocal state
        loss, state = update(state, x, y)
        return float(loss)

    return step


def ours(x, y, **arguments):
    """Returns a step of `RefCalModel`, as `fit` takes it."""
    model = RefCalModel(encoders.resnet_cifar(20), CLASSES)
    optimizer = keras.optimizers.SGD(RATE, MOMENTUM)
    model.compile(optimizer, losses.CrossEntropyLoss(), **arguments)
    return lambda: model.train_on_batch(x, y)


def main(argv=None):
    """Measures, writes the result and prints where it lies."""
    backend = keras.backend.backend()
    generator = np.random.default_rng(0)
    x = generator.uniform(size=(BATCH, 32, 32, 3)).astype("float32")
    y = generator.integers(0, CLASSES, BATCH).astype("int32")
    by_hand = globals()[f"by_hand_{backend}"]
    functions = {"ours": ours(x, y), "by hand": by_hand(network(), x, y)}
    if backend == "tensorflow":
        functions["ours, jit_compile=True"] = ours(x, y, jit_compile=True)
    times = median_ms(functions, repeats=41, warmup=2)
    result = {
        "batch": BATCH,
        "milliseconds": {name: round(value, 2) for name, value in times.items()},
        "claims": [
            claim(
                f"a step within 3 % of one written by hand, {backend}",
                times["ours"],
                MOST * times["by hand"],
                1,
                "ms",
            )
        ],
    }
    print(write_result(f"training_step_{backend}", result))


if __name__ == "__main__":
    main()
