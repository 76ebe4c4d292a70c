"""The training step in micro-batches on TensorFlow: the gradient of the whole batch."""

import keras
import tensorflow as tf

from keras_refcal.backend.micro_batch_loss import loss_of_outputs
from keras_refcal.backend.tensorflow.replicas import num_replicas


def in_micro_batches(model, x, y, sample_weight):
    """Returns loss, outputs and the gradients of the scaled loss.

    Args:
        model: A `RefCalModel` with `micro_batch_size`.
        x: Inputs, shape `(batch, ...)`, or a nest of them; the batch may be unknown
            while tracing.
        y: Labels.
        sample_weight: Weights or `None`.
    """
    x = keras.tree.map_structure(tf.convert_to_tensor, x)
    changing = [v for v in model.non_trainable_variables if not v.trainable]
    before = [tf.identity(v.value) for v in changing]
    outputs, additional = _forward(model, x)
    for variable, value in zip(changing, before, strict=True):
        variable.assign(value)
    weights = model.trainable_weights
    with tf.GradientTape() as tape:
        tape.watch(outputs)
        loss = loss_of_outputs(model, x, y, outputs, sample_weight, additional)
        scaled_loss = model.optimizer.scale_loss(loss)
    upstream, gradients = tape.gradient(
        scaled_loss,
        (outputs, [weight.value for weight in weights]),
        unconnected_gradients=tf.UnconnectedGradients.ZERO,
    )
    return loss, outputs, _backward(model, x, upstream, gradients)


def _forward(model, x):
    """Returns the outputs of the whole batch, and the mean of the layers' losses."""
    size = _size(x)
    symbols = keras.tree.map_structure(
        lambda part: keras.KerasTensor((None, *part.shape[1:]), part.dtype.name), x
    )
    specs = model.compute_output_spec(symbols, training=True, return_outputs=True)
    tables = {
        name: tf.zeros((size, *spec.shape[1:]), spec.dtype)
        for name, spec in specs.items()
    }

    def step(start, length, tables, total):
        part = _rows(x, start, length)
        outputs, additional = _call(model, part, size)
        index = start + tf.range(length)
        tables = {
            name: tf.tensor_scatter_nd_update(table, index[:, None], outputs[name])
            for name, table in tables.items()
        }
        return tables, total + additional

    return _over_micro_batches(model, size, step, (tables, tf.zeros(())))


def _backward(model, x, upstream, gradients):
    size = _size(x)
    weights = [weight.value for weight in model.trainable_weights]

    def step(start, length, *gradients):
        with tf.GradientTape() as tape:
            outputs, additional = _call(model, _rows(x, start, length), size)
            additional = model.optimizer.scale_loss(additional) / num_replicas()
        part = tape.gradient(
            (outputs, additional),
            weights,
            output_gradients=(
                {name: _rows(g, start, length) for name, g in upstream.items()},
                tf.ones_like(additional),
            ),
            unconnected_gradients=tf.UnconnectedGradients.ZERO,
        )
        return tuple(a + b for a, b in zip(gradients, part, strict=True))

    return list(_over_micro_batches(model, size, step, tuple(gradients)))


def _over_micro_batches(model, size, step, variables):
    """Runs `step(start, length, *variables)` over the batch, the rest of it last."""
    length = model.micro_batch_size
    even = size // length * length
    _, variables = tf.while_loop(
        lambda start, variables: start < even,
        lambda start, variables: (start + length, step(start, length, *variables)),
        (0, variables),
        parallel_iterations=1,
    )
    return tf.cond(
        even < size,
        lambda: step(even, size - even, *variables),
        lambda: variables,
    )


def _call(model, x, size):
    outputs = model(x, training=True, return_outputs=True)
    share = tf.cast(_size(x), "float32") / tf.cast(size, "float32")
    losses = [tf.cast(tf.reduce_sum(loss), "float32") for loss in model.losses]
    return outputs, share * tf.add_n([tf.zeros(()), *losses])


def _size(x):
    return tf.shape(keras.tree.flatten(x)[0])[0]


def _rows(tables, start, length):
    def rows(table):
        rest = table.shape[1:]
        part = tf.slice(table, [start] + [0] * len(rest), [length] + [-1] * len(rest))
        return tf.ensure_shape(part, (None, *rest))

    return keras.tree.map_structure(rows, tables)
