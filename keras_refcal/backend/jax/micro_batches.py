"""The training step in micro-batches on JAX: the gradient of the whole batch."""

import jax
import jax.numpy as jnp
from jax import lax


def forward(model, trainable, non_trainable, x):
    """Runs the model on one micro-batch after another, and keeps no gradient.

    Args:
        model: A `RefCalModel` with `micro_batch_size`.
        trainable: Values of the trainable variables.
        non_trainable: Values of the other variables.
        x: Inputs, shape `(batch, ...)`, or a nest of them.

    Returns:
        The outputs of the whole batch, and the losses of layers and regularisers,
        averaged over micro-batches.
    """
    size = _size(x)

    def step(non_trainable, part):
        outputs, additional, non_trainable = _call(
            model, trainable, non_trainable, part, _size(part) / size
        )
        return non_trainable, (outputs, additional)

    _, (parts, *rest) = _over_micro_batches(model, step, non_trainable, x)
    outputs = jax.tree.map(lambda o: o.reshape(-1, *o.shape[2:]), parts[0])
    additional = jnp.sum(parts[1])
    for part_outputs, part_additional in rest:
        outputs = jax.tree.map(
            lambda a, b: jnp.concatenate([a, b]), outputs, part_outputs
        )
        additional += part_additional
    return outputs, additional


def backward(model, trainable, non_trainable, x, gradients, scale):
    """Returns the gradient of the weights and the new non-trainable values.

    Args:
        model: A `RefCalModel` with `micro_batch_size`.
        trainable: Values of the trainable variables.
        non_trainable: Values of the other variables.
        x: Inputs, shape `(batch, ...)`.
        gradients: Gradient of the scaled loss at each output.
        scale: Function that scales a loss as the optimizer does.
    """
    size = _size(x)

    def step(carry, part):
        non_trainable, total = carry
        part, upstream = part

        def outputs_of(trainable):
            outputs, additional, state = _call(
                model, trainable, non_trainable, part, _size(part) / size
            )
            return (outputs, scale(additional)), state

        (_, additional), pull_back, non_trainable = jax.vjp(
            outputs_of, trainable, has_aux=True
        )
        (gradient,) = pull_back((upstream, jnp.ones_like(additional)))
        return (non_trainable, jax.tree.map(jnp.add, total, gradient)), None

    start = non_trainable, jax.tree.map(jnp.zeros_like, trainable)
    (non_trainable, total), _ = _over_micro_batches(model, step, start, (x, gradients))
    return total, non_trainable


def _over_micro_batches(model, step, carry, tables):
    """Scans over even micro-batches, then steps over what is left of the batch."""
    size = model.micro_batch_size
    count, rest = divmod(_size(tables), size)
    even = jax.tree.map(
        lambda t: t[: count * size].reshape(count, size, *t.shape[1:]), tables
    )
    carry, results = lax.scan(step, carry, even)
    results = [results]
    if rest:
        carry, result = step(carry, jax.tree.map(lambda t: t[-rest:], tables))
        results.append(result)
    return carry, results


def _size(tables):
    return len(jax.tree.leaves(tables)[0])


def _call(model, trainable, non_trainable, x, share):
    outputs, non_trainable, losses = model.stateless_call(
        trainable,
        non_trainable,
        x,
        return_losses=True,
        training=True,
        return_outputs=True,
    )
    additional = sum((jnp.sum(loss) for loss in losses), start=jnp.zeros(()))
    return outputs, share * additional, non_trainable
