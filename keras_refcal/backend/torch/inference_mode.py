"""A layer in inference mode on PyTorch."""

import keras
import torch


def inference(layer):
    """Returns a function of arrays that runs a layer in inference mode.

    Args:
        layer: A built layer or model with one output.
    """

    @torch.no_grad()
    def call(x):
        return keras.ops.convert_to_numpy(layer(x, training=False))

    return call
