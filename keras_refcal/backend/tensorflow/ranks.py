"""One compiled function for the ranks of a batch.

A model may be given images with and without a view axis, and labels with and without
an index. TensorFlow answers the second rank by tracing once more for data of *unknown*
rank, in which views cannot be told from channels; so the ranks of inputs, labels and
weights get a function of their own.
"""

import inspect

import tensorflow as tf


def by_rank(model, name, make, force):
    """Sets `model.<name>` to a function that dispatches on the ranks of its data.

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
        ranks, data = _ranks(data)
        if ranks not in functions:
            make(force=True)
            functions[ranks] = getattr(model, name)
            setattr(model, name, dispatch)
        return functions[ranks](data)

    setattr(model, name, dispatch)


def _ranks(data):
    """Returns the rank of each tensor of a batch and the data, unconsumed."""
    batch = getattr(data, "element_spec", data)
    if inspect.isgenerator(data):
        batch = next(data)
        data = iter((batch,))
    # What a strategy distributes is expanded to the tensors of its replicas.
    leaves = tf.nest.flatten(batch, expand_composites=True)
    leaves = (leaf for leaf in leaves if leaf is not None)
    return tuple(len(leaf.shape) for leaf in leaves), data
