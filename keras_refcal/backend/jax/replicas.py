"""On JAX a step sees the global batch, whatever devices hold it."""


def global_batch(values):
    """Returns the tensors as they are."""
    return values


def num_replicas():
    """Returns 1."""
    return 1


def sum_over_processes(variables):
    """Leaves the variables as they are: arrays are global."""
