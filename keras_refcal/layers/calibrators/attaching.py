"""Puts a layer behind the output of any built model, and reads what that output is."""

import keras


def attached_model(model, layer, name):
    """Returns a functional model that runs `model` and then `layer`.

    Args:
        model: A built `keras.Model` of one output.
        layer: A layer, or function of layers, that takes the output of the model.
        name: What is added to the name of the model.

    Raises:
        ValueError: If `model` is no model, not built, or has several outputs.
    """
    if not isinstance(model, keras.Model):
        raise ValueError(f"`model` must be a keras.Model. Received: {model!r}")
    inputs = new_inputs(model)
    output = model(inputs)
    if not keras.backend.is_keras_tensor(output):
        raise ValueError(
            f"`model` {model.name!r} must have one output. Received: "
            f"{keras.tree.map_structure(lambda x: x.shape, output)}. Make a "
            "`keras.Model` of the output that is meant."
        )
    return functional_model(inputs, layer(output), f"{model.name}_{name}")


def functional_model(inputs, outputs, name):
    """Returns a functional model that can be exported."""
    model = keras.Model(inputs, outputs, name=name)
    model(inputs)  # Keras exports a model only once it was called.
    return model


def output_activation(model) -> str | None:
    """Returns what makes the output of a model, as far as the model says.

    Args:
        model: A `keras.Model`.

    Returns:
        `"softmax"` or `"sigmoid"`; `"calibrator"` for a calibrator of this package;
        `"linear"` for a dense or convolutional layer without activation, or for
        `classifier_activation=None`; otherwise `None`.
    """
    if hasattr(model, "classifier_activation"):
        return _name(keras.activations.get(model.classifier_activation))
    last = _last_operation(model)
    if isinstance(last, keras.Model):
        return output_activation(last)
    while isinstance(last, keras.layers.Wrapper):
        last = last.layer
    if getattr(last, "returns_calibrated", False):
        return "calibrator"
    of_operation = {"Softmax": "softmax", "Sigmoid": "sigmoid"}
    if type(last).__name__ in of_operation:  # keras.layers.Softmax, keras.ops.sigmoid
        return of_operation[type(last).__name__]
    name = _name(getattr(last, "activation", None))
    has_kernel = hasattr(last, "kernel")
    return None if name == "linear" and not has_kernel else name


def returns_logits(model) -> bool | None:
    """Returns whether a model says that it returns logits; `None` if it does not say.

    Args:
        model: A `keras.Model`, see `output_activation`.
    """
    activation = output_activation(model)
    return None if activation is None else activation == "linear"


def check_one_distribution(model, columns, name, multi_label=False) -> None:
    """Raises `ValueError` if a model's columns are not the classes of one decision.

    Several sigmoids are independent labels, whose rows need not sum to 1; a softmax
    over one column is always 1.

    Args:
        model: A `keras.Model`.
        columns: Columns of its output.
        name: What is attached to it, for the message.
        multi_label: Whether what is attached takes each column for a label.
    """
    activation = output_activation(model)
    named = f"`model` {getattr(model, 'name', model)!r}"
    if multi_label and activation == "softmax":
        raise ValueError(
            f"{name} with `multi_label=True` takes independent labels, and {named} "
            "ends in a softmax, whose columns exclude each other."
        )
    if multi_label:
        return
    if activation == "sigmoid" and columns is not None and columns > 1:
        raise ValueError(
            f"{name} takes classes of which one is right, and {named} returns "
            f"{columns} independent sigmoids, whose rows need not sum to 1. Set "
            "`multi_label=True`, or train with softmax."
        )
    if activation == "softmax" and columns == 1:
        raise ValueError(
            f"{name} cannot be attached to {named}: its softmax over one column is "
            "always 1. Use sigmoid for two classes in one column."
        )


def columns_of(name, shape):
    """Returns the columns of scores of a shape; those of shape `(batch,)` are one."""
    if len(shape) == 0:
        raise ValueError(
            f"`{name}` must have shape (..., num_classes), or (batch,) for two classes "
            "in one column. Received a scalar."
        )
    return 1 if len(shape) == 1 else shape[-1]


def _name(activation):
    known = {
        keras.activations.softmax: "softmax",
        keras.activations.sigmoid: "sigmoid",
        keras.activations.linear: "linear",
    }
    return known.get(activation) if callable(activation) else None


def _last_operation(model):
    """Returns what makes the one output, behind layers that only give it a form."""
    if isinstance(model, keras.Sequential):
        kept = [layer for layer in model.layers if not _changes_form_alone(layer)]
        return kept[-1] if kept else None
    if len(getattr(model, "outputs", None) or ()) != 1:
        return None
    history = model.outputs[0]._keras_history
    operation = history.operation
    while _changes_form_alone(operation):
        node = operation._inbound_nodes[history.node_index]
        history = node.input_tensors[0]._keras_history
        operation = history.operation
    return operation


def _changes_form_alone(operation):
    if type(operation) is keras.layers.Activation:
        return operation.activation is keras.activations.linear
    return isinstance(operation, keras.layers.Reshape | keras.layers.Identity)


def new_inputs(model):
    """Returns symbolic inputs like those that a built model takes.

    Raises:
        ValueError: If the model was not built for inputs of one shape.
    """
    # A `RefCalModel` takes what its encoder takes, and need not say so itself.
    if not getattr(model, "inputs", None):
        model = _of_inputs(model)
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
            "once on a batch first."
        )
    return keras.Input(tuple(shape[1:]))


def _of_inputs(model):
    encoder = getattr(model, "encoder", None)
    return encoder if getattr(encoder, "inputs", None) else model
