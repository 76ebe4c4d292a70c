"""The predicted class, in operations that exported programs have."""

from keras import ops

from keras_refcal.backend import first_largest

_LEAST = 1.1754944e-38  # of the normal numbers of float32


def predicted_class(scores):
    """Returns the first class of the greatest score, int32 of shape `(batch,)`.

    Keras' `argmax` tells 0 from -0, and ONNX has no counterpart of that. A comparison
    with the maximum is no way either: where XLA computes the scores once for each of
    the two, they differ in the last digit, and no class may reach the maximum.

    Args:
        scores: Shape `(batch, num_classes)`.

    >>> from keras import ops
    >>> ops.convert_to_numpy(predicted_class(ops.array([[0.2, 0.4, 0.4]]))).tolist()
    [1]
    """
    # Subnormal numbers are 0 on backends that have none; here on all.
    return first_largest(ops.where(ops.abs(scores) < _LEAST, 0.0, scores))


def of_predicted_class(values, predicted):
    """Returns the value of the predicted class of each row, shape `(batch,)`.

    Args:
        values: One number a class, shape `(num_classes,)`.
        predicted: What `predicted_class` returned.

    >>> from keras import ops
    >>> of = of_predicted_class(ops.array([5.0, 7.0]), ops.array([1, 0]))
    >>> ops.convert_to_numpy(of).tolist()
    [7.0, 5.0]
    """
    classes = ops.arange(0, values.shape[0], 1, dtype="int32")
    chosen = ops.cast(predicted[:, None] == classes, values.dtype)
    return ops.sum(chosen * values, axis=-1)
