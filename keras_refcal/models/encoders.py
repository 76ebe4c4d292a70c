"""Encoders for small images: functional models from images to features.

Each takes images in [0, 1] or standardised, shape `(batch, height, width, channels)`,
and returns features, shape `(batch, features)`, after global average pooling.
"""

from functools import partial

from keras import Input, Model, layers

from keras_refcal.models.backbones import (
    APPLICATIONS,
    from_applications,
    from_backbone,
)

__all__ = [
    "from_backbone",
    "get",
    "resnet18",
    "resnet50",
    "resnet_cifar",
    "small_cnn",
    "wide_resnet",
]

INITIALIZER = "he_normal"


def get(name):
    """Returns the function that builds an encoder for an input shape.

    Args:
        name: `"small_cnn"`, `"fast_cnn"` (a small one that halves images at once),
            `"resnet20"`, `"resnet32"`, `"resnet18"`, `"resnet50"`,
            `"wide_resnet28_10"`, or a model of Keras, untrained, as
            `"keras.applications.MobileNetV2"`.

    Raises:
        ValueError: If there is no encoder of that name.

    Example:

    >>> from keras_refcal.models import encoders
    >>> encoders.get("resnet20")(input_shape=(16, 16, 3)).output_shape
    (None, 64)
    """
    builders = {
        "small_cnn": small_cnn,
        "fast_cnn": partial(small_cnn, width=32, strides=(2, 2, 1), name="fast_cnn"),
        "resnet20": partial(resnet_cifar, 20),
        "resnet32": partial(resnet_cifar, 32),
        "resnet18": resnet18,
        "resnet50": resnet50,
        "wide_resnet28_10": partial(wide_resnet, 28, 10),
    }
    if name.startswith(APPLICATIONS):
        return from_applications(name.removeprefix(APPLICATIONS))
    if name not in builders:
        raise ValueError(
            f"Unknown encoder {name!r}. Expected one of {sorted(builders)}, or "
            f"{APPLICATIONS}NAME."
        )
    return builders[name]


def small_cnn(input_shape, width=24, strides=(1, 2, 2), name="small_cnn"):
    """Returns a three-block convolutional encoder with `4 * width` features.

    Enough for 8x8 digits on a CPU.

    Args:
        input_shape: `(height, width, channels)`.
        width: Positive integer, channels of the first block.
        strides: Three integers, the stride of each block.
        name: Name of the model.

    Example:

    >>> from keras_refcal.models import encoders
    >>> encoders.small_cnn((8, 8, 1)).output_shape
    (None, 96)
    """
    inputs = Input(input_shape)
    x = inputs
    for stride, channels in zip(strides, (width, 2 * width, 4 * width), strict=True):
        x = _conv_norm_relu(x, channels, 3, stride)
        x = _conv_norm_relu(x, channels, 3)
    return Model(inputs, layers.GlobalAveragePooling2D()(x), name=name)


def resnet_cifar(depth, input_shape=(32, 32, 3), width=16, name=None):
    """Returns the thin CIFAR ResNet of depth 6n + 2 with `4 * width` features.

    Args:
        depth: 20, 32, 44, 56 or any other 6n + 2.
        input_shape: `(height, width, channels)`.
        width: Positive integer, channels of the first stage.
        name: Name of the model.

    Raises:
        ValueError: If `depth` is not 6n + 2.

    Reference:
        [He et al., 2016](https://arxiv.org/abs/1512.03385), section 4.2.

    Example:

    >>> from keras_refcal.models import encoders
    >>> encoders.resnet_cifar(20).output_shape
    (None, 64)
    """
    blocks, rest = divmod(depth - 2, 6)
    if rest or blocks < 1:
        raise ValueError(f"`depth` must be 6n + 2 for n >= 1. Received: {depth}")
    inputs = Input(input_shape)
    x = _conv_norm_relu(inputs, width, 3)
    for stage in range(3):
        for block in range(blocks):
            stride = 2 if stage and not block else 1
            x = _basic_block(x, width * 2**stage, stride)
    outputs = layers.GlobalAveragePooling2D()(x)
    return Model(inputs, outputs, name=name or f"resnet{depth}_cifar")


def resnet18(input_shape=(32, 32, 3), name="resnet18_small_images"):
    """Returns ResNet-18 with a 3x3 stem and no max-pooling, 512 features.

    Args:
        input_shape: `(height, width, channels)`.
        name: Name of the model.

    Reference:
        [He et al., 2016](https://arxiv.org/abs/1512.03385); the stem is the usual
        one for 32x32 images.

    Example:

    >>> from keras_refcal.models import encoders
    >>> encoders.resnet18().output_shape
    (None, 512)
    """
    return _resnet(_basic_block, (2, 2, 2, 2), 1, input_shape, name)


def resnet50(input_shape=(32, 32, 3), name="resnet50_small_images"):
    """Returns ResNet-50 with a 3x3 stem and no max-pooling, 2048 features.

    The encoder of the RefCal paper.

    Args:
        input_shape: `(height, width, channels)`.
        name: Name of the model.

    Reference:
        [He et al., 2016](https://arxiv.org/abs/1512.03385).

    Example:

    >>> from keras_refcal.models import encoders
    >>> encoders.resnet50().output_shape
    (None, 2048)
    """
    return _resnet(_bottleneck, (3, 4, 6, 3), 4, input_shape, name)


def wide_resnet(depth=28, width=10, input_shape=(32, 32, 3), name=None):
    """Returns a pre-activation wide ResNet with `64 * width` features.

    Args:
        depth: 6n + 4, for example 28.
        width: Positive integer, multiplies the channels (16, 32, 64).
        input_shape: `(height, width, channels)`.
        name: Name of the model.

    Raises:
        ValueError: If `depth` is not 6n + 4.

    Reference:
        [Zagoruyko and Komodakis, 2016](https://arxiv.org/abs/1605.07146).

    Example:

    >>> from keras_refcal.models import encoders
    >>> encoders.wide_resnet(10, width=2).output_shape
    (None, 128)
    """
    blocks, rest = divmod(depth - 4, 6)
    if rest or blocks < 1:
        raise ValueError(f"`depth` must be 6n + 4 for n >= 1. Received: {depth}")
    inputs = Input(input_shape)
    x = _conv(inputs, 16, 3)
    for stage in range(3):
        for block in range(blocks):
            stride = 2 if stage and not block else 1
            x = _pre_activation_block(x, 16 * width * 2**stage, stride)
    outputs = layers.GlobalAveragePooling2D()(_norm_relu(x))
    return Model(inputs, outputs, name=name or f"wide_resnet{depth}_{width}")


def _resnet(block, sizes, expansion, input_shape, name):
    inputs = Input(input_shape)
    x = _conv_norm_relu(inputs, 64, 3)
    for stage, size in enumerate(sizes):
        for index in range(size):
            stride = 2 if stage and not index else 1
            x = block(x, 64 * 2**stage * expansion, stride)
    return Model(inputs, layers.GlobalAveragePooling2D()(x), name=name)


def _conv(x, channels, size, stride=1):
    return layers.Conv2D(
        channels,
        size,
        stride,
        padding="same",
        use_bias=False,
        kernel_initializer=INITIALIZER,
    )(x)


def _norm_relu(x):
    return layers.ReLU()(layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x))


def _conv_norm_relu(x, channels, size, stride=1):
    return _norm_relu(_conv(x, channels, size, stride))


def _conv_norm(x, channels, size, stride=1):
    x = _conv(x, channels, size, stride)
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x)


def _shortcut(x, channels, stride):
    if stride == 1 and x.shape[-1] == channels:
        return x
    return _conv_norm(x, channels, 1, stride)


def _basic_block(x, channels, stride):
    residual = _conv_norm_relu(x, channels, 3, stride)
    residual = _conv_norm(residual, channels, 3)
    return layers.ReLU()(layers.Add()([_shortcut(x, channels, stride), residual]))


def _bottleneck(x, channels, stride):
    residual = _conv_norm_relu(x, channels // 4, 1)
    residual = _conv_norm_relu(residual, channels // 4, 3, stride)
    residual = _conv_norm(residual, channels, 1)
    return layers.ReLU()(layers.Add()([_shortcut(x, channels, stride), residual]))


def _pre_activation_block(x, channels, stride):
    activated = _norm_relu(x)
    residual = _conv(activated, channels, 3, stride)
    residual = _conv(_norm_relu(residual), channels, 3)
    if stride != 1 or x.shape[-1] != channels:
        x = _conv(activated, channels, 1, stride)
    return layers.Add()([x, residual])
