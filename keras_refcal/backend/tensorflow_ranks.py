"""One compiled function for each rank of the inputs.

A model may be given images with and without a view axis. TensorFlow answers the
second rank by tracing once more for inputs of *unknown* rank, in which views cannot
be told from channels; so each rank gets a function of its own.
"""

import inspect

import keras


def by_rank(model, name, make, force):
    """Sets `model.<name>` to a function that dispatches on the rank of its inputs.

    Args:
        model: A `keras.Model`.
        name: `"train_function"`, `"test_function"` or `"predict_function"`.
        make: Keras' own method that makes and sets that function.
        force: Whether to replace a function that is there.
    """
    if getattr(model, name) is not None and not force:
        return
    functions = {}

    def dispatch(data):
        rank, data = _rank(data)
        if rank not in functions:
            make(force=True)
            functions[rank] = getattr(model, name)
            setattr(model, name, dispatch)
        return functions[rank](data)

    setattr(model, name, dispatch)


def _rank(data):
    """Returns the rank of the first input and the data, unconsumed."""
    batch = getattr(data, "element_spec", data)
    if inspect.isgenerator(data):
        batch = next(data)
        data = iter((batch,))
    return len(keras.tree.flatten(batch)[0].shape), data
