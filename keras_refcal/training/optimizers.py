"""SGD as the published recipes use it."""

import keras

from keras_refcal.registration import serializable
from keras_refcal.validation import check_non_negative


@serializable
class SGDWithL2(keras.optimizers.SGD):
    """SGD whose weight decay enters the gradient, as in `torch.optim.SGD`.

    Keras' own `weight_decay` shrinks the weights beside the update; with momentum m
    that is weaker by the factor 1 - m than what published recipes mean by the same
    number.

    Args:
        learning_rate: As in `keras.optimizers.SGD`.
        momentum: As in `keras.optimizers.SGD`.
        l2: Number >= 0; `l2 * weight` is added to each gradient.
        **kwargs: Further arguments of `keras.optimizers.SGD`.

    Example:

    >>> from keras_refcal.training.optimizers import SGDWithL2
    >>> SGDWithL2(0.1, momentum=0.9, l2=1e-4).l2
    0.0001
    """

    def __init__(self, learning_rate=0.01, momentum=0.0, l2=0.0, **kwargs):
        super().__init__(learning_rate=learning_rate, momentum=momentum, **kwargs)
        check_non_negative("l2", l2)
        self.l2 = l2

    def update_step(self, gradient, variable, learning_rate):
        """Updates one variable from its gradient."""
        gradient = gradient + self.l2 * keras.ops.cast(variable, gradient.dtype)
        super().update_step(gradient, variable, learning_rate)

    def get_config(self):
        """Returns the constructor's arguments."""
        return {**super().get_config(), "l2": self.l2}
