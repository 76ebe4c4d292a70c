"""What a loss keeps between batches, as a layer that a model can track."""

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
