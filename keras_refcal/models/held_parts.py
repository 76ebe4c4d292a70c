"""Parts of a `RefCalModel` that a compile leaves out of training."""

import logging

from keras_refcal.models.compiled_loss import HEADS

_LOG = logging.getLogger("keras_refcal")


class HeldParts:
    """Leaves variables of parts that are held out of what a step trains."""

    # Names of parts; read before a constructor is through.
    _held = ()
    _said = ()

    def hold(self, names):
        """Leaves parts out of training from the next step on, others no longer.

        A head that could be trained is named in a log line, once.

        Args:
            names: `"encoder"`, `"projection"`, `"classifier"`, in a tuple.
        """
        self._held = names
        for name in names:
            if (
                name in HEADS
                and name not in self._said
                and getattr(self, name).trainable
            ):
                _LOG.warning(
                    "%s: no term of the loss reaches `%s`, which keeps its weights "
                    "until the next compile.",
                    self.name,
                    name,
                )
                self._said += (name,)

    @property
    def trainable_variables(self):
        """What a step trains: what is trainable, but for what `compile` left out."""
        return self._without_held(super().trainable_variables)

    @property
    def trainable_weights(self):
        """What a step trains: what is trainable, but for what `compile` left out."""
        return self._without_held(super().trainable_weights)

    @property
    def non_trainable_variables(self):
        """All variables that a step does not train."""
        return _others(self.variables, self.trainable_variables)

    @property
    def non_trainable_weights(self):
        """All weights that a step does not train."""
        return _others(self.weights, self.trainable_weights)

    def _without_held(self, variables):
        return _others(
            variables, [v for name in self._held for v in getattr(self, name).variables]
        )


def _others(variables, some):
    ids = {id(variable) for variable in some}
    return [variable for variable in variables if id(variable) not in ids]
