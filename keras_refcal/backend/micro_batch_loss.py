"""The loss of a batch whose outputs were computed in micro-batches."""


def loss_of_outputs(model, x, y, outputs, sample_weight, additional):
    """Returns what `model.compute_loss` makes of outputs computed before.

    Args:
        model: A `RefCalModel`.
        x: Inputs of the whole batch.
        y: Labels.
        outputs: Outputs of the whole batch.
        sample_weight: Weights or `None`.
        additional: Sum of the losses of layers and regularisers, a scalar.
    """
    # Keras reads `self.losses` from here where it is not empty. The replicas of
    # TensorFlow take turns inside `compute_loss`: each puts its own in place.
    model._losses_override[:] = [additional]
    try:
        return model.compute_loss(x, y, outputs, sample_weight, training=True)
    finally:
        model._losses_override.clear()
