"""Any classification loss, weighed by class: class-balanced and deferred weights."""

from typing import Any

from keras import ops

from keras_refcal.losses import registry
from keras_refcal.losses.base import BatchLoss, ClassificationLoss, read_targets
from keras_refcal.losses.state import LossState
from keras_refcal.ops.class_counts import effective_number_weights
from keras_refcal.ops.weights import scaled_to_mean
from keras_refcal.registration import serializable
from keras_refcal.types import Tensor
from keras_refcal.validation import check_class_counts, check_num_classes


@serializable
class ClassBalancedLoss(BatchLoss):
    """A classification loss whose samples weigh more the rarer their class is.

    A class of n_c samples has the weight `(1 - beta) / (1 - beta^n_c)`, the inverse
    of its effective number, scaled to sum to the number of classes. The loss is the
    weighted mean over the batch.

    With `deferred=True` all classes weigh alike until `start()`: deferred
    re-weighting, which around `LDAMLoss` is LDAM-DRW. The callback
    `DeferredReweighting(epoch)` calls it in time. Whether it has started is the
    variable `state.active`, saved with a `RefCalModel`.

    Args:
        class_counts: Positive numbers n_c, training samples of each class.
        loss: Name or `ClassificationLoss`, the loss that is weighed.
        beta: Number in [0, 1). 0 weighs all classes alike, 0.9999 is published.
        deferred: Whether to wait for `start()`.
        from_logits: Whether `y_pred` holds logits rather than probabilities; goes
            for the loss inside too.
        **kwargs: `ignore_class`, `name`, `reduction`, `dtype`; see `FloatLoss`.

    Call arguments:
        y_true: As in `ClassificationLoss`; a soft row has the mean weight of its
            classes.
        y_pred: As in `ClassificationLoss`.
        sample_weight: Optional, shape `(batch,)`; multiplies the weight of the class.
            Weight 0 equals absence.

    Raises:
        ValueError: If an argument is out of range, or if shapes or labels of a batch
            do not fit.

    Reference:
        [Cui et al., 2019](https://arxiv.org/abs/1901.05555), eq. 2; deferred in
        [Cao et al., 2019](https://arxiv.org/abs/1906.07413), algorithm 1.

    Example:

    >>> import numpy as np
    >>> from keras_refcal.losses import ClassBalancedLoss
    >>> loss = ClassBalancedLoss([900, 100], deferred=True)
    >>> y_true, probabilities = np.array([0, 1]), np.array([[0.9, 0.1], [0.9, 0.1]])
    >>> round(float(loss(y_true, probabilities)), 4)
    1.204
    >>> loss.start()
    >>> round(float(loss(y_true, probabilities)), 4)
    2.0749
    """

    formula = "Σ w_y loss / Σ w_y, w_c ∝ (1 - beta) / (1 - beta^n_c)"
    use = "Long-tailed data; around LDAM and deferred it is LDAM-DRW."

    def __init__(
        self,
        class_counts: Tensor,
        loss: Any = "cross_entropy",
        beta: float = 0.9999,
        deferred: bool = False,
        from_logits: bool = False,
        name: str | None = "class_balanced",
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        self.class_counts = check_class_counts(class_counts)
        if not 0 <= beta < 1:
            raise ValueError(f"`beta` must be a number in [0, 1). Received: {beta!r}")
        self.loss = loss
        self.inner = registry.get(loss)
        if not isinstance(self.inner, ClassificationLoss):
            raise ValueError(
                f"`loss` must be a classification loss or its name. Received: {loss!r}"
            )
        self.beta = beta
        self.deferred = deferred
        self.from_logits = from_logits
        self.state = LossState(active=float(not deferred))

    def state_layers(self) -> Any:
        """See `FloatLoss`; with those of the loss inside."""
        return [self.state, *self.inner.state_layers()]

    def start(self) -> None:
        """Starts to weigh the classes, if that was deferred."""
        self.state.active.assign(1.0)

    @property
    def takes_one_logit(self) -> Any:
        """Whether the loss inside has a meaning on the two logits of one column."""
        return self.inner.takes_one_logit

    def read(self, y_true: Tensor, y_pred: Tensor, counted: Any = None) -> Any:
        """See `FloatLoss`; targets and logits have shape `(batch, num_classes)`."""
        return read_targets(self, y_true, y_pred, counted)

    def values(self, targets: Tensor, logits: Tensor, weight: Tensor) -> Any:
        """Returns values whose mean is the weighted mean, shape `(batch,)`."""
        check_num_classes("class_counts", len(self.class_counts), logits)
        class_weight = ops.sum(targets * self._class_weights(logits.dtype), axis=-1)
        weight = class_weight if weight is None else class_weight * weight
        return scaled_to_mean(self.inner.values(targets, logits), weight)

    def _class_weights(self, dtype):
        weights = effective_number_weights(self.class_counts, self.beta)
        active = ops.cast(self.state.active, dtype)
        return 1 + active * (ops.convert_to_tensor(weights, dtype) - 1)
