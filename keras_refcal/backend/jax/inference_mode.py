"""A layer in inference mode on JAX."""

import jax
import numpy as np


def inference(layer):
    """Returns a function of arrays that runs a layer in inference mode.

    Under a `keras.distribution` its rows need not divide by the number of devices.

    Args:
        layer: A built layer or model with one output.
    """

    @jax.jit
    def run(trainable, non_trainable, x):
        outputs, _ = layer.stateless_call(trainable, non_trainable, x, training=False)
        return outputs

    def call(x):
        kinds = layer.trainable_variables, layer.non_trainable_variables
        return np.asarray(run(*([v.value for v in kind] for kind in kinds), x))

    return call
