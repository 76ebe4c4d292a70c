"""Functions compiled once for a fixed shape, on whichever backend runs."""

import keras
import numpy as np


def compiled(function):
    """Returns a fast form of a function of arrays that returns a nest of tensors."""
    name = keras.backend.backend()
    if name == "jax":
        from quick_jit import quick_jit

        quick = quick_jit(function)
    elif name == "tensorflow":
        import tensorflow as tf

        quick = tf.function(function)
    else:
        quick = function
    return lambda *arrays: keras.tree.map_structure(to_numpy, quick(*tensors(arrays)))


def with_gradient(function):
    """Returns a fast form of `(value, gradient by the second argument)`."""
    name = keras.backend.backend()
    if name == "jax":
        import jax

        return compiled(jax.value_and_grad(function, argnums=1))
    if name == "tensorflow":
        import tensorflow as tf

        def run(labels, values, weights):
            with tf.GradientTape() as tape:
                tape.watch(values)
                value = function(labels, values, weights)
            return value, tape.gradient(value, values)

        return compiled(run)
    import torch

    def run(labels, values, weights):
        values.requires_grad_(True)
        value = function(labels, values, weights)
        (gradient,) = torch.autograd.grad(value, values)
        return value.detach(), gradient

    return compiled(run)


def tensors(arrays):
    """Returns arrays as tensors of the backend."""
    if keras.backend.backend() == "torch":
        import torch

        return [torch.tensor(array) for array in arrays]
    return [keras.ops.convert_to_tensor(array) for array in arrays]


def to_numpy(x):
    return np.array(keras.ops.convert_to_numpy(x))
