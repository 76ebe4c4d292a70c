"""Supervised contrastive loss, RefCal's refinement term."""

from typing import Any

from keras import ops

from keras_refcal.losses.base import BatchLoss, Rows, embeddings_of
from keras_refcal.ops import contrastive
from keras_refcal.ops.labels import read_labels
from keras_refcal.registration import serializable
from keras_refcal.types import Tensor
from keras_refcal.validation import (
    check_choice,
    check_embeddings,
    check_integer,
    check_positive,
)


class ContrastiveLoss(BatchLoss):
    """What the contrastive losses share: their arguments and checked embeddings.

    Args:
        temperature: Number above 0 that divides similarities; smaller looks at
            nearer neighbours.
        base_temperature: The loss is scaled by `temperature / base_temperature`.
        contrast_mode: `"all"` views of a sample are anchors, or only the first
            `"one"`. Contrasts are always all views.
        normalize: Whether to scale embeddings to unit length first.
        block_size: Rows of the blocks in which similarities are computed, so that
            memory is linear in the batch. Rows are samples times views. `None`
            takes what suits the backend.
        **kwargs: `ignore_class`, `name`, `reduction`, `dtype`; see `FloatLoss`.

    Call arguments:
        y_true: Class ids, shape `(batch,)` or `(batch, 1)`, or rows of
            probabilities, one-hot or soft, shape `(batch, num_classes)`.
        y_pred: Embeddings, shape `(batch, dim)` or `(batch, views, dim)`, dim of 2 or
            more, or the outputs of a `RefCalModel`: a mapping whose entry
            `"embeddings"` is that.
        sample_weight: Optional, finite numbers of 0 or more, shape `(batch,)`. A
            sample of twice the weight counts twice as an anchor, and twice as a
            contrast and positive of other samples. Weight 0 equals absence; the scale
            of the weights does not matter.
    """

    term = "refinement"
    reads_embeddings = True

    def __init__(
        self,
        temperature: float = 0.1,
        base_temperature: float = 0.07,
        contrast_mode: str = "all",
        normalize: bool = True,
        block_size: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        check_positive("temperature", temperature)
        check_positive("base_temperature", base_temperature)
        check_choice("contrast_mode", contrast_mode, ("all", "one"))
        self.temperature = temperature
        self.base_temperature = base_temperature
        self.contrast_mode = contrast_mode
        if block_size is not None:
            check_integer("block_size", block_size, 1)
        self.normalize = normalize
        self.block_size = block_size

    def read(self, y_true: Tensor, y_pred: Tensor, counted: Any = None) -> Any:
        """See `FloatLoss`; targets are class ids, or rows of probabilities."""
        embeddings = self.cast(embeddings_of(y_pred))
        check_embeddings(self, embeddings)
        labels = read_labels(
            self.cast(y_true),
            embeddings,
            ignore_class=self.ignore_class,
            counted=counted,
        )
        return Rows(labels.values, embeddings, labels.present, labels.right)

    def values(self, targets: Tensor, embeddings: Tensor, weight: Tensor) -> Any:
        """Returns values whose mean is the loss, shape `(batch,)`."""
        return contrastive.supervised_contrastive(
            embeddings,
            targets,
            weight,
            temperature=self.temperature,
            base_temperature=self.base_temperature,
            contrast_mode=self.contrast_mode,
            normalize=self.normalize,
            block_size=self.block_size,
        )


@serializable
class SupervisedContrastiveLoss(ContrastiveLoss):
    """Pulls embeddings of one class together and pushes the other classes away.

    For an anchor i with positives P(i) (the other views and samples of its class),
    all other contrasts A(i) and temperature T:

        loss_i = -T / T_base / |P(i)|
                 · Σ_{p∈P(i)} log(e^{z_i·z_p/T} / Σ_{a∈A(i)} e^{z_i·z_a/T})

    An anchor without a positive adds 0 and still counts in the mean. The least
    value is not 0 but grows with the logarithm of the number of positives.

    With rows of probabilities q (mixup, CutMix, a teacher) every sample is a soft
    positive of every other: the mean over P(i) becomes the mean over all others with
    weights `q_i · q_p`. One-hot rows give what class ids give, which are quicker.

    Args:
        temperature: See `ContrastiveLoss`, as the next three.
        base_temperature: 0.07, as published, scales the loss by 1.43 at 0.1.
        contrast_mode: `"all"` or `"one"`.
        normalize: Whether to scale embeddings to unit length first.
        positive_mask: Whether `y_true` is, instead of labels, a mask of shape
            `(batch, batch)`: row i holds 1 for the positives of sample i, 0
            elsewhere. It may be asymmetric. There is then no `ignore_class`.
        **kwargs: `block_size`, `ignore_class`, `name`, `reduction`, `dtype`; see
            `ContrastiveLoss`.

    Raises:
        ValueError: If an argument is out of its range, or if shapes or labels of a
            batch do not fit: ids are whole numbers from 0 on, rows sum to 1.

    Reference:
        [Khosla et al., 2020](https://arxiv.org/abs/2004.11362), eq. 2.

    Example:

    >>> import numpy as np
    >>> from keras_refcal.losses import SupervisedContrastiveLoss
    >>> embeddings = np.array([[[1.0, 0.0], [1.0, 0.0]], [[0.0, 1.0], [0.0, 1.0]]])
    >>> loss = SupervisedContrastiveLoss(temperature=1.0, base_temperature=1.0)
    >>> round(float(loss(np.array([0, 1]), embeddings)), 4)
    0.5514
    """

    formula = "-T/T_base · mean over positives of log softmax(z·z'/T)"
    use = "RefCal's refinement term: trains the encoder of stage 1 or of a joint fit."

    def __init__(
        self,
        temperature: float = 0.1,
        base_temperature: float = 0.07,
        contrast_mode: str = "all",
        normalize: bool = True,
        positive_mask: bool = False,
        name: str | None = "supervised_contrastive",
        **kwargs: Any,
    ):
        super().__init__(
            temperature, base_temperature, contrast_mode, normalize, name=name, **kwargs
        )
        if positive_mask and self.ignore_class is not None:
            raise ValueError(
                "With `positive_mask` there are no labels to ignore: give rows the "
                f"weight 0. Received: ignore_class={self.ignore_class}"
            )
        self.positive_mask = positive_mask

    def read(self, y_true: Tensor, y_pred: Tensor, counted: Any = None) -> Any:
        """See `FloatLoss`; targets are labels, or a mask, shape `(batch, batch)`."""
        if not self.positive_mask:
            return super().read(y_true, y_pred, counted)
        mask, embeddings = self.cast(y_true), self.cast(embeddings_of(y_pred))
        check_embeddings(self, embeddings)
        check_mask(mask, embeddings)
        return Rows(ops.cast(mask > 0, "bool"), embeddings, None, None)


def check_mask(y_true, embeddings):
    """Raises `ValueError` unless `y_true` is square and as long as the batch."""
    shape, size = tuple(y_true.shape), embeddings.shape[0]
    if len(shape) != 2 or shape[0] != shape[1] or size not in (None, shape[0]):
        raise ValueError(
            "With `positive_mask`, `y_true` must be a mask of shape (batch, batch). "
            f"Received shape: {shape} for a batch of {size}."
        )
