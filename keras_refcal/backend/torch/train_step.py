"""The training and test step on PyTorch."""

import keras
import numpy as np
import torch

from keras_refcal.backend.keras_internals import in_order_of_metrics, track_loss
from keras_refcal.backend.torch.micro_batches import in_micro_batches
from keras_refcal.backend.torch.replicas import (
    distributed,
    replicated,
    sum_over_processes,
)


def concrete_value(x):
    """Returns `x` as a NumPy array, or `None` if it is symbolic or not on the CPU."""
    if isinstance(x, keras.KerasTensor):
        return None
    if isinstance(x, torch.Tensor):
        if torch.compiler.is_compiling() or x.device.type != "cpu":
            return None
        return keras.ops.convert_to_numpy(x)
    return np.asarray(x)


def on_device(array):
    """Returns a tensor on the device that trains, of which numbers choose rows."""
    return keras.ops.convert_to_tensor(array)


def keep_programs(directory):
    """Raises `ValueError`: steps are not compiled on PyTorch."""
    raise ValueError(
        "`compilation_cache` is for the JAX backend. Received it on PyTorch, where "
        "steps are not compiled."
    )


class TrainStep:
    """Runs `call`, `compute_loss` and the optimizer, as Keras' own step does.

    Where `torch.distributed` runs several processes, their gradients are averaged.
    """

    def make_train_function(self, force=False):
        """See `keras.Model`; also prepares the exchange between processes."""
        if distributed() and (self.train_function is None or force):
            self._replicated = replicated(self)
        super().make_train_function(force)

    def train_step(self, data):
        """Updates the weights on one batch and returns the logs."""
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        weights = self.trainable_weights
        for weight in weights:
            weight.value.grad = None
        if self.splits_batch(x):
            loss, outputs = in_micro_batches(self, x, y, sample_weight)
        else:
            # A loop of one's own may call this step without a train function.
            forward = getattr(self, "_replicated", self)
            outputs = forward(x, training=True, return_outputs=True)
            loss = self.compute_loss(x, y, outputs, sample_weight, training=True)
            if weights:
                self.optimizer.scale_loss(loss).backward()
        self._track_loss(loss, x)
        gradients = [weight.value.grad for weight in weights]
        if weights:
            with torch.no_grad():
                self.optimizer.apply(gradients, weights)
        return self.compute_metrics(x, y, outputs, sample_weight)

    def evaluate(self, *args, return_dict=False, **kwargs):
        """See `keras.Model`; the logs are of the shards of all processes together."""
        logs = super().evaluate(*args, return_dict=True, **kwargs)
        if distributed():
            for metric in self.metrics:
                sum_over_processes(metric.variables)
            logs = keras.tree.map_structure(float, self.get_metrics_result())
        return logs if return_dict else in_order_of_metrics(self, logs)

    def test_step(self, data):
        """Returns the logs of one batch without updating any weight."""
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        outputs = self(x, training=False, return_outputs=True)
        loss = self.compute_loss(x, y, outputs, sample_weight, training=False)
        self._track_loss(loss, x)
        return self.compute_metrics(x, y, outputs, sample_weight)

    def _track_loss(self, loss, x):
        batch_size = keras.tree.flatten(x)[0].shape[0]
        track_loss(self, loss, batch_size)
