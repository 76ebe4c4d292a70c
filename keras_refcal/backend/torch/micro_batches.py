"""The training step in micro-batches on PyTorch: the gradient of the whole batch."""

import keras
import torch

from keras_refcal.backend.micro_batch_loss import loss_of_outputs
from keras_refcal.backend.torch.replicas import average_gradients


def in_micro_batches(model, x, y, sample_weight):
    """Adds the gradient to the weights' `grad` and returns loss and outputs.

    Args:
        model: A `RefCalModel` with `micro_batch_size`.
        x: Inputs, shape `(batch, ...)`, or a nest of them.
        y: Labels.
        sample_weight: Weights or `None`.
    """
    leaves = [keras.ops.convert_to_tensor(leaf) for leaf in keras.tree.flatten(x)]
    pieces = (torch.split(leaf, model.micro_batch_size) for leaf in leaves)
    parts = [keras.tree.pack_sequence_as(x, part) for part in zip(*pieces, strict=True)]
    sizes = [len(keras.tree.flatten(part)[0]) for part in parts]
    shares = [size / sum(sizes) for size in sizes]
    changing = [v for v in model.non_trainable_variables if not v.trainable]
    before = [v.value.detach().clone() for v in changing]
    with torch.no_grad():
        results = [_forward(model, part) for part in parts]
    for variable, value in zip(changing, before, strict=True):
        variable.assign(value)
    outputs = {
        name: torch.cat([output[name] for output, _ in results]).requires_grad_()
        for name in results[0][0]
    }
    additional = sum(s * loss for s, (_, loss) in zip(shares, results, strict=True))
    loss = loss_of_outputs(model, x, y, outputs, sample_weight, additional)
    model.optimizer.scale_loss(loss).backward()
    gradients = {n: o.grad for n, o in outputs.items() if o.grad is not None}
    split = {n: torch.split(g, model.micro_batch_size) for n, g in gradients.items()}
    for number, part in enumerate(parts):
        output, additional = _forward(model, part)
        additional = model.optimizer.scale_loss(shares[number] * additional)
        pairs = [(output[n], g[number]) for n, g in split.items()]
        pairs.append((additional, torch.ones_like(additional)))
        pairs = [pair for pair in pairs if pair[0].requires_grad]
        if pairs:
            torch.autograd.backward(*zip(*pairs, strict=True))
    average_gradients(model.trainable_weights)
    return loss.detach(), {name: output.detach() for name, output in outputs.items()}


def _forward(model, x):
    output = model(x, training=True, return_outputs=True)
    additional = [keras.ops.sum(loss) for loss in model.losses]
    return output, keras.ops.convert_to_tensor(sum(additional, start=0.0))
