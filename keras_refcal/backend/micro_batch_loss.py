"""The loss of a batch whose outputs were computed in micro-batches."""

from keras_refcal.backend.keras_internals import losses_of_forward


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
    with losses_of_forward(model, [additional]):
        return model.compute_loss(x, y, outputs, sample_weight, training=True)
