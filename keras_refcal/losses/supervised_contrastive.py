"""Supervised contrastive loss, RefCal's refinement term."""

from keras_refcal.losses.base import WeightedLoss, embeddings_of
from keras_refcal.ops import contrastive
from keras_refcal.ops.labels import class_ids
from keras_refcal.registration import serializable
from keras_refcal.validation import (
    check_batch,
    check_choice,
    check_integer,
    check_labels,
    check_positive,
)


class ContrastiveLoss(WeightedLoss):
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
        name: Optional name of the loss.
        reduction: As in `keras.losses.Loss`.
        dtype: As in `keras.losses.Loss`; float32 at least.

    Call arguments:
        y_true: Class ids, shape `(batch,)` or `(batch, 1)`, or one-hot rows, shape
            `(batch, num_classes)`.
        y_pred: Embeddings, shape `(batch, dim)` or `(batch, views, dim)`, or the
            outputs of a `RefCalModel`: a mapping whose entry `"embeddings"` is that.
        sample_weight: Optional, shape `(batch,)`. A sample of weight 2 counts twice
            as an anchor, and twice as a contrast and positive of other samples.
            Weight 0 equals absence.
    """

    term = "refinement"

    def __init__(
        self,
        temperature=0.1,
        base_temperature=0.07,
        contrast_mode="all",
        normalize=True,
        block_size=None,
        name=None,
        reduction="sum_over_batch_size",
        dtype=None,
    ):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
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

    def weighted_values(self, y_true, y_pred, sample_weight):
        """Returns the loss of each sample, shape `(batch,)`."""
        embeddings = embeddings_of(y_pred)
        check_batch("y_pred", embeddings, ranks=(2, 3))
        return contrastive.supervised_contrastive(
            embeddings,
            self.positives(y_true, embeddings),
            sample_weight,
            temperature=self.temperature,
            base_temperature=self.base_temperature,
            contrast_mode=self.contrast_mode,
            normalize=self.normalize,
            block_size=self.block_size,
        )

    def positives(self, y_true, embeddings):
        """Returns class ids `(batch,)` or a mask `(batch, batch)`."""
        raise NotImplementedError

    def get_config(self):
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "temperature": self.temperature,
            "base_temperature": self.base_temperature,
            "contrast_mode": self.contrast_mode,
            "normalize": self.normalize,
            "block_size": self.block_size,
        }


@serializable
class SupervisedContrastiveLoss(ContrastiveLoss):
    """Pulls embeddings of one class together and pushes the other classes away.

    For an anchor i with positives P(i) (the other views and samples of its class),
    all other contrasts A(i) and temperature T:

        loss_i = -T / T_base / |P(i)|
                 · Σ_{p∈P(i)} log(e^{z_i·z_p/T} / Σ_{a∈A(i)} e^{z_i·z_a/T})

    An anchor without a positive adds 0 and still counts in the mean. The least
    value is not 0 but grows with the logarithm of the number of positives.

    Args:
        temperature: See `ContrastiveLoss`, as the next three.
        base_temperature: 0.07, as published, scales the loss by 1.43 at 0.1.
        contrast_mode: `"all"` or `"one"`.
        normalize: Whether to scale embeddings to unit length first.
        positive_mask: Whether `y_true` is, instead of labels, a mask of shape
            `(batch, batch)`: row i holds 1 for the positives of sample i, 0
            elsewhere. It may be asymmetric.
        **kwargs: `block_size`, `name`, `reduction`, `dtype`; see `ContrastiveLoss`.

    Raises:
        ValueError: If an argument is out of its range, or if shapes of a batch do not
            fit.

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
        temperature=0.1,
        base_temperature=0.07,
        contrast_mode="all",
        normalize=True,
        positive_mask=False,
        name="supervised_contrastive",
        **kwargs,
    ):
        super().__init__(
            temperature, base_temperature, contrast_mode, normalize, name=name, **kwargs
        )
        self.positive_mask = positive_mask

    def positives(self, y_true, embeddings):
        """Returns class ids, shape `(batch,)`, or a mask, shape `(batch, batch)`."""
        if self.positive_mask:
            check_mask(y_true, embeddings)
            return y_true
        check_labels(y_true, embeddings)
        return class_ids(y_true)

    def get_config(self):
        """Returns the constructor's arguments."""
        return {**super().get_config(), "positive_mask": self.positive_mask}


def check_mask(y_true, embeddings):
    """Raises `ValueError` unless `y_true` is square and as long as the batch."""
    shape, size = tuple(y_true.shape), embeddings.shape[0]
    if len(shape) != 2 or shape[0] != shape[1] or size not in (None, shape[0]):
        raise ValueError(
            "With `positive_mask`, `y_true` must be a mask of shape (batch, batch). "
            f"Received shape: {shape} for a batch of {size}."
        )
