"""Models whose predictions are means: of several models, or over views of an image."""

import inspect
from typing import Any

import keras
from keras import ops

from keras_refcal.layers.calibrators.attaching import (
    functional_model,
    new_inputs,
    returns_logits,
)
from keras_refcal.predictions import as_weights
from keras_refcal.registration import serializable

# Images are moved by this share of their height or width, as crops in training do.
SHIFT = 1 / 8


def average(models: Any, weights: str | None = None, from_logits: Any = None) -> Any:
    """Returns one model of the mean probabilities of several (a deep ensemble).

    It saves, exports and is calibrated as any model is: fit a calibrator to *its*
    validation predictions, and attach it. The members are used as they are, not
    copied. Predicting takes as long as all members together.

    Args:
        models: Built `keras.Model`s, of the same inputs and classes.
        weights: Numbers of 0 or more, one a model; `None` for the plain mean.
        from_logits: Whether the models return logits. `None` asks each: those that
            end without an activation do, those that do not say return probabilities.

    Returns:
        A functional model that returns probabilities, of the shape that the members
        return.

    Raises:
        ValueError: If `models` are none, no models, not built, or differ in the shape
            of their output, or if `weights` do not fit.

    Reference:
        [Lakshminarayanan et al., 2017](https://arxiv.org/abs/1612.01474).

    Example:

    >>> import keras
    >>> import numpy as np
    >>> from keras_refcal import models
    >>> members = [
    ...     keras.Sequential(
    ...         [keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
    ...     for _ in range(5)
    ... ]
    >>> ensemble = models.average(members)
    >>> x = np.ones((2, 4))
    >>> mean = np.mean([m.predict(x, verbose=0) for m in members], axis=0)
    >>> bool(np.allclose(ensemble.predict(x, verbose=0), mean, atol=1e-6))
    True
    """
    models = list(models) if isinstance(models, list | tuple) else [models]
    if not models or not all(isinstance(model, keras.Model) for model in models):
        raise ValueError(
            f"`models` must hold one keras.Model or more. Received: {models!r}"
        )
    inputs = new_inputs(models[0])
    shapes = [_output_shape(model, inputs) for model in models]
    if any(shape != shapes[0] for shape in shapes):
        raise ValueError(
            "`models` must return the same shape. Received: "
            f"{', '.join(map(str, shapes))}"
        )
    shares = as_weights("weights", weights, len(models))
    if not shares.sum() > 0:
        raise ValueError(f"`weights` must not all be 0. Received: {weights}")
    shares = (shares / shares.sum()).tolist()
    activation = _activation(shapes[0])
    layer = ModelAverage(models, shares, activation, from_logits, name="average")
    return functional_model(inputs, layer(inputs), f"average_of_{len(models)}")


def average_views(
    model: keras.Model, views: Any = ("image", "mirror"), from_logits: Any = None
) -> Any:
    """Returns a model of the mean probabilities over views of each image.

    Predicting takes as many times as long as there are views.

    Args:
        model: A built `keras.Model` of images, `(batch, height, width, channels)`.
        views: `"image"`, the image as it is; `"mirror"`, left and right exchanged;
            `"left"`, `"right"`, `"up"`, `"down"`, moved by an eighth, with zeros where
            nothing is left; or Keras layers, random ones among them.
        from_logits: As `average` takes it.

    Returns:
        A functional model that returns probabilities, of the shape that `model`
        returns.

    Raises:
        ValueError: If `views` are none or unknown, or the model takes no images.

    Example:

    >>> import keras
    >>> import numpy as np
    >>> from keras_refcal import models
    >>> layers = [keras.Input((8, 8, 1)), keras.layers.Flatten()]
    >>> model = keras.Sequential([*layers, keras.layers.Dense(3, activation="softmax")])
    >>> views = models.average_views(model, ("image", "mirror", "left", "right"))
    >>> views.predict(np.ones((2, 8, 8, 1)), verbose=0).shape
    (2, 3)
    """
    inputs = new_inputs(model)
    shapes = [x.shape for x in keras.tree.flatten(inputs)]
    if len(shapes) != 1 or len(shapes[0]) != 4:
        raise ValueError(
            "`model` must take images, (batch, height, width, channels). Received a "
            f"model of {', '.join(map(str, shapes))}"
        )
    activation = _activation(_output_shape(model, inputs))
    layer = ViewAverage(model, views, activation, from_logits, name="average")
    return functional_model(inputs, layer(inputs), f"{model.name}_over_views")


class Average(keras.layers.Layer):
    """Base of layers that hold models and return mean probabilities, in float32.

    Args:
        models: Built models of one output.
        activation: `"softmax"`, or `"sigmoid"` for one column: what makes probabilities
            of logits, and what calibrators read that are attached.
        from_logits: As `average` takes it.
        **kwargs: `name` of `keras.layers.Layer`.
    """

    def __init__(self, models, activation, from_logits, **kwargs):
        kwargs = {"dtype": "float32", **kwargs}
        super().__init__(autocast=False, **kwargs)
        self.models = models
        self.from_logits = from_logits
        self.activation = keras.activations.get(activation)
        self.built = True

    def probabilities(self, model, inputs, training):
        """Returns what a model predicts, as probabilities."""
        scores = ops.cast(model(inputs, training=training), "float32")
        from_logits = self.from_logits
        if from_logits is None:
            from_logits = returns_logits(model)
        return self.activation(scores) if from_logits else scores

    def get_config(self):
        """Returns what both kinds of layers are made of."""
        return {
            **super().get_config(),
            "activation": keras.activations.serialize(self.activation),
            "from_logits": self.from_logits,
        }


@serializable
class ModelAverage(Average):
    """Mean probabilities of several models; see `average`."""

    def __init__(self, models, weights, activation, from_logits=None, **kwargs):
        super().__init__(_loaded(models), activation, from_logits, **kwargs)
        self.weights_of_models = weights

    def call(self, inputs, training=None):
        """Returns the weighted mean."""
        return sum(
            weight * self.probabilities(model, inputs, training)
            for model, weight in zip(self.models, self.weights_of_models, strict=True)
        )

    def get_config(self):
        """Returns the constructor's arguments, the models serialised."""
        return {
            **super().get_config(),
            "models": _saved(self.models),
            "weights": self.weights_of_models,
        }


@serializable
class ViewAverage(Average):
    """Mean probabilities over views of images; see `average_views`."""

    def __init__(self, model, views, activation, from_logits=None, **kwargs):
        super().__init__(_loaded([model]), activation, from_logits, **kwargs)
        self.views = _loaded(views)
        known = [isinstance(x, keras.layers.Layer) or x in VIEWS for x in self.views]
        if not known or not all(known):
            raise ValueError(
                f"`views` must be among {', '.join(VIEWS)}, or layers. "
                f"Received: {views!r}"
            )

    def call(self, inputs, training=None):
        """Returns the mean over the views."""
        model = self.models[0]
        means = [
            self.probabilities(model, self._view(view, inputs), training)
            for view in self.views
        ]
        return sum(means) / float(len(means))

    def get_config(self):
        """Returns the constructor's arguments, the model serialised."""
        return {
            **super().get_config(),
            "model": _saved(self.models)[0],
            "views": _saved(self.views),
        }

    def _view(self, view, images):
        if isinstance(view, str):
            return VIEWS[view](images)
        random = "training" in inspect.signature(view.call).parameters
        return view(images, training=True) if random else view(images)


def _output_shape(model, inputs):
    output = model(inputs)
    if not keras.backend.is_keras_tensor(output):
        raise ValueError(f"`model` {model.name!r} must have one output.")
    return output.shape


def _activation(shape):
    return "sigmoid" if shape[-1] == 1 else "softmax"


def _moved(images, axis, forward):
    """Returns images moved along an axis, with zeros where nothing is left."""
    size = images.shape[axis]
    step = max(1, round(SHIFT * size))
    kept = [slice(None)] * 4
    kept[axis] = slice(0, size - step) if forward else slice(step, size)
    padding = [[0, 0]] * 4
    padding[axis] = [step, 0] if forward else [0, step]
    return ops.pad(images[tuple(kept)], padding)


VIEWS = {
    "image": lambda x: x,
    "mirror": lambda x: ops.flip(x, axis=2),
    "left": lambda x: _moved(x, 2, forward=False),
    "right": lambda x: _moved(x, 2, forward=True),
    "up": lambda x: _moved(x, 1, forward=False),
    "down": lambda x: _moved(x, 1, forward=True),
}


def _saved(parts):
    return [x if isinstance(x, str) else _serialized(x) for x in parts]


def _serialized(layer):
    """Returns the configuration of a layer without how it was compiled."""
    config = keras.saving.serialize_keras_object(layer)
    config.pop("compile_config", None)
    return config


def _loaded(parts):
    return [
        keras.saving.deserialize_keras_object(x) if isinstance(x, dict) else x
        for x in parts
    ]
