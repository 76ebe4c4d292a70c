"""The training and test step on TensorFlow."""

import keras
import numpy as np
import tensorflow as tf

from keras_refcal.backend.keras_internals import given_strategy, track_loss
from keras_refcal.backend.tensorflow.micro_batches import in_micro_batches
from keras_refcal.backend.tensorflow.ranks import by_rank
from keras_refcal.backend.tensorflow.replicas import num_replicas


def concrete_value(x):
    """Returns `x` as a NumPy array, or `None` if it is symbolic."""
    if isinstance(x, tf.Tensor) and not hasattr(x, "numpy"):
        return None
    if isinstance(x, keras.KerasTensor):
        return None
    return np.asarray(x)


def on_device(array):
    """Returns the array as it is: Keras reads batches of arrays through `tf.data`."""
    return array


def keep_programs(directory):
    """Raises `ValueError`: TensorFlow keeps no compiled programs."""
    raise ValueError(
        "`compilation_cache` is for the JAX backend. Received it on TensorFlow, which "
        "keeps no compiled programs."
    )


class TrainStep:
    """Runs `call`, `compute_loss` and the optimizer, as Keras' own step does."""

    def make_train_function(self, force=False):
        """See `keras.Model`; inputs of each rank get a function of their own."""
        by_rank(self, "train_function", super().make_train_function, force)

    def make_test_function(self, force=False):
        """See `keras.Model`; inputs of each rank get a function of their own."""
        by_rank(self, "test_function", super().make_test_function, force)

    def make_predict_function(self, force=False):
        """See `keras.Model`; inputs of each rank get a function of their own."""
        by_rank(self, "predict_function", super().make_predict_function, force)

    def train_step(self, data):
        """Updates the weights on one batch and returns the logs."""
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        compute = in_micro_batches if self.splits_batch(x) else _at_once
        loss, outputs, gradients = compute(self, x, y, sample_weight)
        self._track_loss(loss, x)
        weights = self.trainable_weights
        if weights:
            self.optimizer.apply_gradients(zip(gradients, weights, strict=True))
        return _of_worker(self.compute_metrics(x, y, outputs, sample_weight))

    def test_step(self, data):
        """Returns the logs of one batch without updating any weight."""
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        outputs = self(x, training=False, return_outputs=True)
        loss = self.compute_loss(x, y, outputs, sample_weight, training=False)
        self._track_loss(loss, x)
        return _of_worker(self.compute_metrics(x, y, outputs, sample_weight))

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        # Keras averages the first batch over all workers to learn its shapes, which
        # fails for several workers; the shapes of this worker's rows are enough.
        strategy = given_strategy(self)
        if strategy is not None and iterator is not None:
            for *_, batches in iterator:  # one number before it, or two
                data_batch = keras.tree.map_structure(
                    lambda x: strategy.experimental_local_results(x)[0], next(batches)
                )
                iterator = None
                break
        super()._maybe_symbolic_build(iterator, data_batch)

    def _track_loss(self, loss, x):
        # Keras' losses divide by the number of replicas; the logs show the whole.
        batch_size = tf.shape(keras.tree.flatten(x)[0])[0]
        track_loss(self, loss * num_replicas(), batch_size)


def _of_worker(logs):
    """Returns logs with an axis over which Keras can average several workers."""
    workers = tf.distribute.MultiWorkerMirroredStrategy
    if isinstance(tf.distribute.get_strategy(), workers):
        return keras.tree.map_structure(lambda x: x[None], logs)
    return logs


def _at_once(model, x, y, sample_weight):
    """Returns loss, outputs and the gradients of the scaled loss."""
    with tf.GradientTape() as tape:
        outputs = model(x, training=True, return_outputs=True)
        loss = model.compute_loss(x, y, outputs, sample_weight, training=True)
        scaled_loss = model.optimizer.scale_loss(loss)
    return loss, outputs, tape.gradient(scaled_loss, model.trainable_weights)
