"""Networks of Keras' own collections as encoders."""

import inspect

import keras
from keras import layers

APPLICATIONS = "keras.applications."


def from_backbone(backbone):
    """Returns an encoder, a `keras.Model`, around a network without its classifier.

    Feature maps and sequences of tokens are averaged over their positions. A network
    that begins with a `keras.layers.Rescaling` expects values up to 255; as encoders
    take images in [0, 1], they are multiplied by 255 first.

    Args:
        backbone: A `keras.Model` with one input and one output: a model of
            `keras.applications` made with `include_top=False`, or a backbone of
            KerasHub or KerasCV.

    Raises:
        ValueError: If there are several inputs, or the output has no shape
            `(batch, features)`, `(batch, tokens, features)` or
            `(batch, height, width, features)`.

    Example:

    >>> import keras
    >>> from keras_refcal.models import encoders
    >>> backbone = keras.applications.MobileNetV3Small(
    ...     input_shape=(32, 32, 3), include_top=False, weights=None, alpha=0.35)
    >>> encoders.from_backbone(backbone).output_shape
    (None, 192)
    """
    if len(backbone.inputs) != 1:
        raise ValueError(
            f"`backbone` must have one input. Received {len(backbone.inputs)}."
        )
    shape = backbone.output_shape
    if isinstance(shape, dict | list) or len(shape) not in (2, 3, 4):
        raise ValueError(
            "`backbone` must have one output of 2 to 4 dimensions, samples first and "
            f"features last. Received the output shape {shape}."
        )
    inputs = keras.Input(backbone.inputs[0].shape[1:])
    x = inputs
    if any(isinstance(layer, layers.Rescaling) for layer in backbone.layers):
        x = layers.Rescaling(255.0, name="to_255")(x)
    x = backbone(x)
    if len(shape) == 4:
        x = layers.GlobalAveragePooling2D()(x)
    elif len(shape) == 3:
        x = layers.GlobalAveragePooling1D()(x)
    return keras.Model(inputs, x, name=f"{backbone.name}_encoder")


def from_applications(name):
    """Returns the function that builds an untrained model of `keras.applications`.

    Args:
        name: As in `keras.applications`, for example `"ResNet50V2"`.

    Raises:
        ValueError: If `keras.applications` has no such model.
    """
    build = getattr(keras.applications, name, None)
    if not inspect.isfunction(build):
        raise ValueError(f"Unknown encoder {APPLICATIONS + name!r}: no such model.")

    def encoder(input_shape):
        return from_backbone(
            build(include_top=False, weights=None, input_shape=tuple(input_shape))
        )

    return encoder
