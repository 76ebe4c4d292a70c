"""The predicted class, in operations that exported programs have."""

from keras import ops

_LEAST = 1.1754944e-38  # of the normal numbers of float32


def predicted_class(scores):
    """Returns the first class of the greatest score, int32 of shape `(batch,)`.

    ONNX has no counterpart of what Keras' `argmax` is made of; comparisons it has.

    Args:
        scores: Shape `(batch, num_classes)`.

    >>> from keras import ops
    >>> ops.convert_to_numpy(predicted_class(ops.array([[0.2, 0.4, 0.4]]))).tolist()
    [1]
    """
    num_classes = scores.shape[-1]
    # Subnormal numbers are 0 on backends that have none; here on all.
    greatest = scores >= ops.max(scores, axis=-1, keepdims=True) - _LEAST
    classes = ops.arange(0, num_classes, 1, dtype="int32")
    return ops.min(ops.where(greatest, classes, num_classes), axis=-1)


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
