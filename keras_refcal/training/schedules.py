"""The published learning-rate schedules: constant within an epoch, warm-up within it.

Epochs count from 1, as in the published code, so the first epoch of a cosine is
already below the base rate and the last is exactly the floor.
"""

import math

import keras
from keras import ops

from keras_refcal.registration import serializable
from keras_refcal.validation import check_positive


class _EpochSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """A rate for each epoch, after a linear warm-up per step.

    Subclasses define `rate(epoch)` for a float tensor `epoch`, counted from 1.
    """

    def __init__(
        self,
        learning_rate,
        steps_per_epoch,
        decay_rate=0.1,
        warmup_epochs=0,
        warmup_from=0.01,
        name=None,
    ):
        super().__init__()
        check_positive("learning_rate", learning_rate)
        check_positive("steps_per_epoch", steps_per_epoch)
        self.learning_rate = learning_rate
        self.steps_per_epoch = steps_per_epoch
        self.decay_rate = decay_rate
        self.warmup_epochs = warmup_epochs
        self.warmup_from = warmup_from
        self.name = name

    def __call__(self, step):
        step = ops.cast(step, "int32")
        epoch = ops.cast(step // self.steps_per_epoch, "float32") + 1.0
        rate = self.rate(epoch)
        if not self.warmup_epochs:
            return rate
        step = ops.cast(step, "float32")
        warmup_steps = self.warmup_epochs * self.steps_per_epoch
        target = self.rate(float(self.warmup_epochs))
        warm = self.warmup_from + step / warmup_steps * (target - self.warmup_from)
        return ops.where(step < warmup_steps, warm, rate)

    def rate(self, epoch):
        """Returns the rate of an epoch, counted from 1."""
        raise NotImplementedError

    def get_config(self):
        """Returns the constructor's arguments."""
        return {
            "learning_rate": self.learning_rate,
            "steps_per_epoch": self.steps_per_epoch,
            "decay_rate": self.decay_rate,
            "warmup_epochs": self.warmup_epochs,
            "warmup_from": self.warmup_from,
            "name": self.name,
        }


@serializable
class CosineSchedule(_EpochSchedule):
    """Cosine decay from `learning_rate` to `learning_rate * decay_rate ** 3`.

    Args:
        learning_rate: Positive number, the base rate.
        steps_per_epoch: Positive integer.
        epochs: Positive integer, the length of the decay.
        **kwargs: `decay_rate` (0.1), `warmup_epochs` (0) and `warmup_from` (0.01): the
            rate rises linearly, step by step, to the cosine's value at the end of
            epoch `warmup_epochs`.

    Example:

    >>> from keras_refcal.training.schedules import CosineSchedule
    >>> schedule = CosineSchedule(0.5, steps_per_epoch=10, epochs=100)
    >>> round(float(schedule(0)), 4), round(float(schedule(999)), 4)
    (0.4999, 0.0005)
    """

    def __init__(self, learning_rate, steps_per_epoch, epochs, **kwargs):
        super().__init__(learning_rate, steps_per_epoch, **kwargs)
        check_positive("epochs", epochs)
        self.epochs = epochs

    def rate(self, epoch):
        """Returns the rate of an epoch, counted from 1."""
        floor = self.learning_rate * self.decay_rate**3
        progress = ops.minimum(epoch / self.epochs, 1.0)
        cosine = (1.0 + ops.cos(math.pi * progress)) / 2
        return floor + (self.learning_rate - floor) * cosine

    def get_config(self):
        """Returns the constructor's arguments."""
        return {**super().get_config(), "epochs": self.epochs}


@serializable
class StepSchedule(_EpochSchedule):
    """`learning_rate * decay_rate ** k` after k of the milestones have passed.

    The drop comes in the epoch after the milestone, as in the published code.

    Args:
        learning_rate: Positive number, the base rate.
        steps_per_epoch: Positive integer.
        milestones: Epochs, counted from 1, after which the rate drops.
        **kwargs: `decay_rate` (0.1), `warmup_epochs` (0) and `warmup_from` (0.01).

    Example:

    >>> from keras_refcal.training.schedules import StepSchedule
    >>> schedule = StepSchedule(5.0, 10, milestones=(60, 75, 90), decay_rate=0.2)
    >>> round(float(schedule(599)), 4), round(float(schedule(600)), 4)
    (5.0, 1.0)
    """

    def __init__(self, learning_rate, steps_per_epoch, milestones, **kwargs):
        super().__init__(learning_rate, steps_per_epoch, **kwargs)
        self.milestones = tuple(milestones)

    def rate(self, epoch):
        """Returns the rate of an epoch, counted from 1."""
        passed = sum(
            ops.cast(epoch > milestone, "float32") for milestone in self.milestones
        )
        return self.learning_rate * self.decay_rate**passed

    def get_config(self):
        """Returns the constructor's arguments."""
        return {**super().get_config(), "milestones": list(self.milestones)}
