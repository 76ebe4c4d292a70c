"""Counting on PyTorch."""


def sum_by_index(values, index, size):
    """Returns sums of `values`, shape `(n, ...)`, by index, shape `(size, ...)`."""
    # Keras' own segment_sum cannot run on the meta device, where models are built.
    return values.new_zeros((size, *values.shape[1:])).index_add_(0, index, values)


def fused(function):
    """Returns a pure function of tensors as one call of the backend."""
    return function
