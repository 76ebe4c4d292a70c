"""Networks of Keras' own collections as encoders."""

import inspect

import keras
from keras import layers

from keras_refcal.validation import check_choice

APPLICATIONS = "keras.applications."
# Of a mapping, in this order.
OUTPUTS = ("pooled_output", "sequence_output")


def from_backbone(backbone, pooling="auto"):
    """Returns an encoder, a `keras.Model`, around a network without its classifier.

    What stands for the whole sample is taken as the network gives it: a mapping's
    `"pooled_output"`. Otherwise feature maps and sequences of tokens are averaged over
    their positions, of which a `"padding_mask"` among the inputs, or Keras' own mask,
    leaves out the padding. A network of images that begins with a
    `keras.layers.Rescaling` expects values up to 255; as encoders take images in
    [0, 1], they are multiplied by 255 first.

    Args:
        backbone: A `keras.Model` of known inputs: a model of `keras.applications` made
            with `include_top=False`, or a backbone of KerasHub or KerasCV. Its output
            is one tensor, or a mapping with `"pooled_output"` or `"sequence_output"`.
        pooling: `"auto"`, or `"mean"` for the mean over positions of a mapping's
            `"sequence_output"` even where there is a pooled one.

    Raises:
        ValueError: If `pooling` or the inputs are not known, or the output has no shape
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
    check_choice("pooling", pooling, ("auto", "mean"))
    if not getattr(backbone, "inputs", None):
        raise ValueError(
            f"`backbone` must know its inputs, as functional models do. Received: "
            f"{backbone!r}"
        )
    # A `Sequential` has inputs, but `input` only once it was called.
    is_sequence = isinstance(backbone, keras.Sequential)
    inputs = keras.tree.map_structure(
        lambda x: keras.Input(x.shape[1:], dtype=x.dtype, name=x.name),
        backbone.inputs[0] if is_sequence else backbone.input,
    )
    x = inputs
    rescales = any(isinstance(layer, layers.Rescaling) for layer in backbone.layers)
    if rescales and len(backbone.inputs) == 1:
        x = keras.tree.map_structure(layers.Rescaling(255.0, name="to_255"), x)
    output = backbone(x)
    features = _features_of(output, inputs, OUTPUTS[pooling == "mean" :])
    return keras.Model(inputs, features, name=f"{backbone.name}_encoder")


def _features_of(output, inputs, names):
    """Returns features, shape `(batch, features)`, of what a network returns."""
    if isinstance(output, dict):
        output = next((output[name] for name in names if name in output), output)
    shapes = keras.tree.map_structure(lambda x: tuple(x.shape), output)
    if not isinstance(shapes, tuple) or len(shapes) not in (2, 3, 4):
        raise ValueError(
            "`backbone` must return one output of 2 to 4 dimensions, samples first and "
            "features last, or a mapping with 'pooled_output' or 'sequence_output'. "
            f"Received outputs of shape {shapes}."
        )
    if len(shapes) == 4:
        return layers.GlobalAveragePooling2D()(output)
    if len(shapes) == 2:
        return output
    mask = inputs.get("padding_mask") if isinstance(inputs, dict) else None
    if mask is None:
        return layers.GlobalAveragePooling1D()(output)
    return layers.GlobalAveragePooling1D()(output, mask=keras.ops.cast(mask, "bool"))


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
