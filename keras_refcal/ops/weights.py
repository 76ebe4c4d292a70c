"""Weights of samples: checked, and in the scale that batch means are made with."""

import numpy as np
from keras import ops

from keras_refcal.backend import concrete_value
from keras_refcal.ops.division import divide_no_nan
from keras_refcal.types import Tensor

# A smaller weight counts as 0, on backends that have subnormal numbers too.
_LEAST = float(np.finfo("float32").tiny)

# So does one that is this much smaller than the greatest of a batch.
_LEAST_RELATIVE = 1e-30


def read_weights(sample_weight, batch_size, dtype="float32") -> Tensor | None:
    """Returns weights of shape `(batch,)`, NaN where one is none.

    Args:
        sample_weight: Finite numbers of 0 or more, shape `(batch,)` or `(batch, 1)`,
            or one number; `None` is returned as it is.
        batch_size: How many there must be.
        dtype: Floating type of the result.

    Raises:
        ValueError: For negative weights, NaN and infinity where values can be read.
    """
    if sample_weight is None:
        return None
    weight = ops.reshape(ops.convert_to_tensor(sample_weight, dtype=dtype), (-1,))
    value = concrete_value(weight)
    if value is not None and not np.all((value >= 0) & (value < np.inf)):
        raise ValueError(
            "`sample_weight` must hold finite numbers of 0 or more. Received values "
            f"from {value.min():g} to {value.max():g}."
        )
    if value is None:
        good = ops.logical_and(weight >= 0, weight < float("inf"))
        weight = ops.where(good, weight, float("nan"))
    weight = ops.where(weight < _LEAST, 0.0, weight)
    return ops.broadcast_to(weight, (batch_size,))


def relative_weights(weight: Tensor | None, present: Tensor | None, dtype="float32"):
    """Returns weights whose scale does not matter, or `None` for 1 each.

    They sum to the effective number of rows, `(Σ w)² / Σ w²`: equal weights become 1.

    Args:
        weight: What `read_weights` returned.
        present: Which rows are there, shape `(batch,)`; `None` for all.
        dtype: Floating type of the result.
    """
    if weight is None:
        return None if present is None else ops.cast(present, dtype)
    weight = ops.stop_gradient(weight)
    if present is not None:
        weight = ops.where(present, weight, 0.0)
    greatest = ops.max(weight)
    weight = weight / ops.where(greatest > 0, greatest, 1.0)
    weight = ops.where(weight < _LEAST_RELATIVE, 0.0, weight)
    return weight * divide_no_nan(ops.sum(weight), ops.sum(ops.square(weight)))


def with_weight(present: Tensor | None, weight: Tensor | None) -> Tensor | None:
    """Returns which rows are there and have a weight, `(batch,)`; `None` for all."""
    if weight is None:
        return present
    counted = ops.not_equal(weight, 0)
    return counted if present is None else ops.logical_and(present, counted)


def mean_weight(weight: Tensor, present: Tensor | None) -> Tensor:
    """Returns the mean of the weights above 0 of the rows that are there, a scalar."""
    if present is not None:
        weight = ops.where(present, weight, 0.0)
    count = ops.sum(ops.cast(weight > 0, weight.dtype))
    return divide_no_nan(ops.sum(weight), count)


def scaled_to_mean(values: Tensor, weight: Tensor | None) -> Tensor:
    """Returns values of shape `(batch,)` whose plain mean is the weighted mean."""
    if weight is None:
        return values
    size = ops.cast(ops.shape(values)[0], values.dtype)
    return values * divide_no_nan(weight * size, ops.sum(weight))
