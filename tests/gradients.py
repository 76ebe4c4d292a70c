"""Value and gradient of a function of tensors, on whichever backend runs."""

import keras
import numpy as np


def value_and_gradient(function, *arrays, jit=False):
    """Returns the value and the list of gradients, all as NumPy arrays.

    `jit` is whether to compile; `"quick"` is whatever gives the answer soonest: on JAX
    compiled without optimisation, which beats running operations one by one.
    """
    value, grads = _BACKENDS[keras.backend.backend()](function, arrays, jit)
    to_numpy = keras.ops.convert_to_numpy
    return np.asarray(to_numpy(value)), [np.asarray(to_numpy(g)) for g in grads]


def _tensorflow(function, arrays, jit):
    import tensorflow as tf

    def run(*tensors):
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            value = function(*tensors)
        return value, tape.gradient(value, tensors)

    run = tf.function(run, jit_compile=True) if jit is True else run
    return run(*[tf.convert_to_tensor(a) for a in arrays])


def _jax(function, arrays, jit):
    import jax
    import jax.numpy as jnp
    from quick_jit import quick_jit

    run = jax.value_and_grad(function, argnums=tuple(range(len(arrays))))
    if jit:
        run = quick_jit(run) if jit == "quick" else jax.jit(run)
    return run(*[jnp.asarray(a) for a in arrays])


def _torch(function, arrays, jit):
    import torch

    tensors = [torch.tensor(a, requires_grad=True) for a in arrays]
    value = function(*tensors)
    return value.detach(), torch.autograd.grad(value, tensors)


_BACKENDS = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}
