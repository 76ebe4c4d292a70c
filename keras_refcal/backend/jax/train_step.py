"""The training and test step on JAX."""

import jax
import keras
import numpy as np
from jax.experimental.compilation_cache import compilation_cache

from keras_refcal.backend.jax import micro_batches
from keras_refcal.backend.keras_internals import losses_of_forward, track_loss


def concrete_value(x):
    """Returns `x` as a NumPy array, or `None` if it is symbolic."""
    if isinstance(x, keras.KerasTensor | jax.core.Tracer):
        return None
    return np.asarray(x)


def on_device(array):
    """Returns an array on the device that trains, of which numbers choose rows."""
    return jax.numpy.asarray(array)


def keep_programs(directory):
    """Has compiled programs kept in a directory, for this run and the next."""
    jax.config.update("jax_compilation_cache_dir", str(directory))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)
    # What was compiled before has settled that nothing is kept.
    compilation_cache.reset_cache()


class TrainStep:
    """Runs `call`, `compute_loss` and the optimizer, as Keras' own step does.

    JAX functions are pure, so every variable goes in and comes out of a step.
    """

    def train_step(self, state, data):
        """Returns the logs and the state after one batch."""
        trainable, non_trainable, optimizer_variables, metrics_variables = state
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)

        def scale(loss):
            mapping = zip(self.optimizer.variables, optimizer_variables, strict=True)
            with keras.StatelessScope(state_mapping=list(mapping)):
                return self.optimizer.scale_loss(loss)

        compute = self._in_micro_batches if self.splits_batch(x) else self._at_once
        gradients, (loss, outputs, non_trainable, metrics_variables) = compute(
            trainable, non_trainable, metrics_variables, data, scale
        )
        trainable, optimizer_variables = self.optimizer.stateless_apply(
            optimizer_variables, gradients, trainable
        )
        logs, metrics_variables = self._track(
            metrics_variables, loss, x, y, outputs, sample_weight
        )
        return logs, (trainable, non_trainable, optimizer_variables, metrics_variables)

    def test_step(self, state, data):
        """Returns the logs and the state without updating any weight."""
        trainable, non_trainable, metrics_variables = state
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        loss, (outputs, non_trainable, metrics_variables) = self._loss_and_updates(
            trainable, non_trainable, metrics_variables, data, training=False
        )
        logs, metrics_variables = self._track(
            metrics_variables, loss, x, y, outputs, sample_weight
        )
        return logs, (trainable, non_trainable, metrics_variables)

    def _at_once(self, trainable, non_trainable, metrics_variables, data, scale):
        def scaled_loss_of(trainable):
            loss, aux = self._loss_and_updates(
                trainable, non_trainable, metrics_variables, data, training=True
            )
            return scale(loss), (loss, *aux)

        return jax.grad(scaled_loss_of, has_aux=True)(trainable)

    def _in_micro_batches(
        self, trainable, non_trainable, metrics_variables, data, scale
    ):
        x, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        outputs, additional = micro_batches.forward(self, trainable, non_trainable, x)

        def scaled_loss_of(outputs, trainable):
            loss, *aux = self._loss_of(
                (trainable, non_trainable, metrics_variables),
                data,
                outputs,
                [additional],
                training=True,
            )
            return scale(loss), (loss, *aux)

        (upstream, direct), (loss, *state) = jax.grad(
            scaled_loss_of, argnums=(0, 1), has_aux=True
        )(outputs, trainable)
        non_trainable, metrics_variables = state
        gradients, non_trainable = micro_batches.backward(
            self, trainable, non_trainable, x, upstream, scale
        )
        gradients = jax.tree.map(jax.numpy.add, direct, gradients)
        return gradients, (loss, outputs, non_trainable, metrics_variables)

    def _loss_and_updates(
        self, trainable, non_trainable, metrics_variables, data, training
    ):
        x, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        outputs, non_trainable, losses = self.stateless_call(
            trainable,
            non_trainable,
            x,
            return_losses=True,
            training=training,
            return_outputs=True,
        )
        loss, non_trainable, metrics_variables = self._loss_of(
            (trainable, non_trainable, metrics_variables),
            data,
            outputs,
            losses,
            training,
        )
        return loss, (outputs, non_trainable, metrics_variables)

    def _loss_of(self, state, data, outputs, losses, training):
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        with losses_of_forward(self, losses):
            loss, (_, non_trainable, metrics_variables) = self.stateless_compute_loss(
                *state,
                x=x,
                y=y,
                y_pred=outputs,
                sample_weight=sample_weight,
                training=training,
            )
        return loss, non_trainable, metrics_variables

    def _track(self, metrics_variables, loss, x, y, outputs, sample_weight):
        mapping = list(zip(self.metrics_variables, metrics_variables, strict=True))
        with keras.StatelessScope(state_mapping=mapping) as scope:
            batch_size = keras.tree.flatten(x)[0].shape[0]
            track_loss(self, loss, batch_size)
            logs = self.compute_metrics(x, y, outputs, sample_weight)
        return logs, [scope.get_current_value(v) for v in self.metrics_variables]
