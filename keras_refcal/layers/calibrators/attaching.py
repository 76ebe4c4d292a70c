"""Puts a layer behind the output of any built model."""

import keras


def attached_model(model, layer, name):
    """Returns a functional model that runs `model` and then `layer`.

    Args:
        model: A built `keras.Model`.
        layer: A layer, or function of layers, that takes the output of the model.
        name: What is added to the name of the model.

    Raises:
        ValueError: If `model` is no model or not built.
    """
    if not isinstance(model, keras.Model):
        raise ValueError(f"`model` must be a keras.Model. Received: {model!r}")
    inputs = _new_inputs(model)
    attached = keras.Model(inputs, layer(model(inputs)), name=f"{model.name}_{name}")
    attached(inputs)  # Keras exports a model only once it was called.
    return attached


def returns_logits(model) -> bool | None:
    """Returns whether a model says that it returns logits; `None` if it does not say.

    Args:
        model: A `keras.Model`. It says so by `classifier_activation`, or by softmax
            or sigmoid as the activation of the layer that makes its output.
    """
    if hasattr(model, "classifier_activation"):
        return model.classifier_activation is None
    if isinstance(model, keras.Sequential) and model.layers:
        last = model.layers[-1]
    elif len(getattr(model, "outputs", None) or ()) == 1:
        last = model.outputs[0]._keras_history.operation
    else:
        return None
    if isinstance(last, keras.Model):
        return returns_logits(last)
    activation = getattr(last, "activation", None)
    known = (keras.activations.softmax, keras.activations.sigmoid)
    if isinstance(last, keras.layers.Softmax) or activation in known:
        return False
    return None


def _new_inputs(model):
    given = getattr(model, "inputs", None)
    if given and isinstance(model, keras.Sequential):
        # It has inputs, but `input` only once it was called.
        return keras.Input(given[0].shape[1:], dtype=given[0].dtype, name=given[0].name)
    if given:
        return keras.tree.map_structure(
            lambda x: keras.Input(x.shape[1:], dtype=x.dtype, name=x.name), model.input
        )
    shape = (model.get_build_config() or {}).get("input_shape")
    if not model.built or not isinstance(shape, list | tuple):
        raise ValueError(
            f"`model` {model.name!r} must be built for inputs of one shape: call it "
            "once on a batch before attaching a calibrator."
        )
    return keras.Input(tuple(shape[1:]))
