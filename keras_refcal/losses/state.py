"""What a loss keeps between batches, as a layer that a model can track.

A loss that is given to `compile` is a setting: the model keeps a copy of its own.
"""

import keras
import numpy as np


class LossState(keras.layers.Layer):
    """Untrained float32 variables of a loss, saved with the model that tracks them.

    Args:
        **initial: First value of each variable; it becomes an attribute.
    """

    def __init__(self, **initial):
        super().__init__(dtype="float32", trainable=False)
        for name, value in initial.items():
            value = np.asarray(value, "float32")
            variable = self.add_weight(
                shape=value.shape,
                initializer=keras.initializers.Zeros(),
                dtype="float32",
                trainable=False,
                # Replicas compute it from the global batch, all the same.
                aggregation="only_first_replica",
                name=name,
            )
            variable.assign(value)
            setattr(self, name, variable)
        self.built = True


def own_copy(loss):
    """Returns a copy of a loss with state of its own; a stateless loss is returned.

    The copy is made from the configuration, and starts from what the loss holds now.

    Args:
        loss: A loss of this package.

    Raises:
        ValueError: If the configuration of a loss with state does not make one.
    """
    layers = loss.state_layers()
    if not layers:
        return loss
    try:
        config = loss.get_config()
        for name in config:
            inner = getattr(loss, name, None)
            if isinstance(inner, keras.losses.Loss):
                # Not from its configuration, as a class of one's own may have none.
                inner = own_copy(inner) if hasattr(inner, "state_layers") else inner
                config[name] = inner
        copy = type(loss).from_config(config)
    except TypeError as error:
        raise ValueError(
            f"`loss` keeps something between batches, and `compile` could not copy it: "
            f"{error}"
        ) from error
    for layer, given in zip(copy.state_layers(), layers, strict=True):
        layer.trainable = given.trainable
        layer.set_weights(given.get_weights())
    return copy
