"""What a frozen encoder makes of images, computed once for many epochs."""

import keras
import numpy as np

from keras_refcal.backend import inference
from keras_refcal.models.views import encoder_rank

FEATURES, FEATURES_RANK = "features", 2


def encode(model, x, batch_size=256):
    """Returns inputs of a `RefCalModel` that stand for images: `{"features": …}`.

    The model skips its encoder for them. They hold what the encoder returns in
    inference mode, which is how a frozen encoder always runs.

    Args:
        model: A `RefCalModel`.
        x: What the encoder takes, an array of shape `(n, ...)` or `(n, views, ...)`.
        batch_size: Images that go through the encoder at once.

    Returns:
        A mapping of `"features"` to float32 of shape `(n, features)` or
        `(n, views, features)`.

    Example:

    >>> import keras
    >>> import numpy as np
    >>> from keras_refcal import RefCalModel
    >>> from keras_refcal.models import encode
    >>> encoder = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8)])
    >>> model = RefCalModel(encoder, num_classes=2)
    >>> encoded = encode(model, np.eye(4, dtype="float32"))
    >>> encoded["features"].shape, model.predict(encoded, verbose=0).shape
    ((4, 8), (4, 2))
    """
    return encoding(model, batch_size)(x)


def encoding(model, batch_size=256):
    """Returns `encode` as a function of `x` alone, to be called for many arrays."""
    run = inference(model.encoder)

    def encoded(x):
        x = x if isinstance(x, np.ndarray) else keras.ops.convert_to_numpy(x)
        if not model.built:
            model.build((None, *x.shape[1:]))
        if model.training_views is not None:
            x = model.training_views.raw_as_float(x)
        has_views = x.ndim == encoder_rank(model.encoder) + 1
        images = x.reshape(-1, *x.shape[2:]) if has_views else x
        starts = range(0, len(images), batch_size)
        features = [run(images[start : start + batch_size]) for start in starts]
        features = np.concatenate(features).astype("float32")
        return {FEATURES: features.reshape(*x.shape[: 1 + has_views], -1)}

    return encoded
