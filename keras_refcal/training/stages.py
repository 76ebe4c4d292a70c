"""A stage of training: one `compile` and one `fit`, described as data."""

import dataclasses
from typing import Any

import keras

from keras_refcal.models.compiled_loss import unreached_heads
from keras_refcal.training.optimizers import SGDWithL2
from keras_refcal.training.schedules import CosineSchedule, StepSchedule


@dataclasses.dataclass(frozen=True)
class Stage:
    """One compile and fit of a `RefCalModel`.

    A stage is a setting, for as many models and seeds as you like: what its loss learns
    belongs to the model, and what it freezes is free again with the next compile.

    Attributes:
        name: Short name, shown in progress and histories.
        loss: A `keras.losses.Loss`.
        epochs: Positive integer.
        batch_size: Images a step; each counts once, whatever its views.
        learning_rate: Base rate of SGD with momentum 0.9.
        milestones: Epochs after which the rate drops; empty means cosine decay.
        decay_rate: Factor of each drop; a cosine ends at its third power.
        warmup_epochs: Epochs of linear warm-up.
        l2: Weight decay in the sense of `torch.optim.SGD`.
        views: Augmented views of each image.
        augmentation: Name of an augmentation, see `data.augment`, or `"mild"` for the
            one that the images name so; by default the one that they name for one view
            or several.
        metrics: Names or metrics that `compile` takes.
        freeze_encoder: Whether the encoder keeps its weights in this stage; what you
            froze yourself stays frozen in every stage.
        with_index: Whether labels come with the number of the sample, for CRL.
        select: Epoch whose weights the stage ends with: `"refinement"`, that of the
            least validation log-loss after a temperature, `"last"`, or `None` for what
            the run is told.
        calibrator: Method that calibrates the model after the last stage, see
            `keras-refcal calibrate`, every class weighted alike; or `None`.
        callbacks: Callbacks that the loss asks for, part of every `fit` of the stage.
    """

    name: str
    loss: keras.losses.Loss
    epochs: int
    batch_size: int = 128
    learning_rate: float = 0.1
    milestones: tuple[int, ...] = ()
    decay_rate: float = 0.1
    warmup_epochs: int = 0
    l2: float = 1e-4
    views: int = 1
    augmentation: str | None = None
    metrics: tuple[str, ...] = ("accuracy",)
    freeze_encoder: bool = False
    with_index: bool = False
    select: str | None = None
    calibrator: str | None = None
    callbacks: tuple[keras.callbacks.Callback, ...] = ()

    @property
    def needs_validation(self) -> Any:
        """Whether the stage reads a validation part."""
        return self.select == "refinement" or self.calibrator is not None

    def compile(
        self, model: keras.Model, steps_per_epoch: Any, jit_compile: Any = None
    ) -> Any:
        """Compiles a `RefCalModel` for this stage.

        Args:
            model: A `RefCalModel`.
            steps_per_epoch: Batches an epoch; the learning rate counts by them.
            jit_compile: Whether to compile the steps with XLA; `None` lets Keras
                decide.
        """
        model.compile(
            optimizer=self._optimizer(steps_per_epoch),
            loss=self.loss,
            metrics=list(self.metrics),
            freeze_encoder=self.freeze_encoder,
            jit_compile="auto" if jit_compile is None else jit_compile,
        )

    @property
    def trains_classifier(self) -> Any:
        """Whether a term of the loss reads what the classifier says."""
        return "classifier" not in unreached_heads(self.loss)

    def describe(self) -> Any:
        """Returns the stage as JSON-ready values."""
        values = dataclasses.asdict(dataclasses.replace(self, loss=None, callbacks=()))
        return {
            **values,
            "loss": keras.losses.serialize(self.loss),
            "callbacks": [type(callback).__name__ for callback in self.callbacks],
        }

    def _optimizer(self, steps_per_epoch):
        options = {"decay_rate": self.decay_rate, "warmup_epochs": self.warmup_epochs}
        if self.milestones:
            schedule = StepSchedule(
                self.learning_rate, steps_per_epoch, self.milestones, **options
            )
        else:
            schedule = CosineSchedule(
                self.learning_rate, steps_per_epoch, self.epochs, **options
            )
        return SGDWithL2(schedule, momentum=0.9, l2=self.l2)
