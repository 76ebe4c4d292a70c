"""The training and test step on JAX."""

import jax
import keras
import numpy as np


def concrete_value(x):
    """Returns `x` as a NumPy array, or `None` if it is symbolic."""
    if isinstance(x, keras.KerasTensor | jax.core.Tracer):
        return None
    return np.asarray(x)


class TrainStep:
    """Runs `call`, `compute_loss` and the optimizer, as Keras' own step does.

    JAX functions are pure, so every variable goes in and comes out of a step.
    """

    def train_step(self, state, data):
        """Returns the logs and the state after one batch."""
        trainable, non_trainable, optimizer_variables, metrics_variables = state
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)

        def scaled_loss_of(trainable):
            loss, aux = self._loss_and_updates(
                trainable, non_trainable, metrics_variables, data, training=True
            )
            mapping = zip(self.optimizer.variables, optimizer_variables, strict=True)
            with keras.StatelessScope(state_mapping=list(mapping)):
                return self.optimizer.scale_loss(loss), (loss, *aux)

        gradients, aux = jax.grad(scaled_loss_of, has_aux=True)(trainable)
        loss, outputs, non_trainable, metrics_variables = aux
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

    def _loss_and_updates(
        self, trainable, non_trainable, metrics_variables, data, training
    ):
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        outputs, non_trainable, losses = self.stateless_call(
            trainable,
            non_trainable,
            x,
            return_losses=True,
            training=training,
            return_outputs=True,
        )
        # `_losses_override` is how Keras hands the losses of `add_loss` and of
        # regularisers from the forward pass to `self.losses` in `compute_loss`.
        self._losses_override.clear()
        self._losses_override.extend(losses)
        loss, (_, non_trainable, metrics_variables) = self.stateless_compute_loss(
            trainable,
            non_trainable,
            metrics_variables,
            x=x,
            y=y,
            y_pred=outputs,
            sample_weight=sample_weight,
            training=training,
        )
        self._losses_override.clear()
        return loss, (outputs, non_trainable, metrics_variables)

    def _track(self, metrics_variables, loss, x, y, outputs, sample_weight):
        mapping = list(zip(self.metrics_variables, metrics_variables, strict=True))
        with keras.StatelessScope(state_mapping=mapping) as scope:
            # `_loss_tracker` is Keras' own "loss" metric; it has no public name.
            batch_size = keras.tree.flatten(x)[0].shape[0]
            self._loss_tracker.update_state(loss, sample_weight=batch_size)
            logs = self.compute_metrics(x, y, outputs, sample_weight)
        return logs, [scope.get_current_value(v) for v in self.metrics_variables]
