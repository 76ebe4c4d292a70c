"""SimCLR: contrastive learning without labels."""

from typing import Any

from keras import ops

from keras_refcal.losses.base import Rows, embeddings_of
from keras_refcal.losses.supervised_contrastive import ContrastiveLoss
from keras_refcal.ops import contrastive
from keras_refcal.ops.labels import is_present
from keras_refcal.registration import serializable
from keras_refcal.types import Tensor
from keras_refcal.validation import check_embeddings, check_label_shape, is_class_ids


@serializable
class SimCLRLoss(ContrastiveLoss):
    """Pulls the views of a sample together and pushes all other samples away.

    The supervised contrastive loss with each sample as a class of its own (NT-Xent);
    labels may be anything or `None`: only `ignore_class` reads them. It needs two views
    or more: with one view no anchor has a positive and the loss is 0.
    `base_temperature=temperature` gives the loss of the SimCLR paper, without a factor.

    Args:
        temperature: See `ContrastiveLoss`, as the next three.
        base_temperature: Positive number.
        contrast_mode: `"all"` or `"one"`.
        normalize: Whether to scale embeddings to unit length first.
        **kwargs: `block_size`, `ignore_class`, `name`, `reduction`, `dtype`; see
            `ContrastiveLoss`.

    Raises:
        ValueError: If an argument is out of its range, or if shapes of a batch do not
            fit.

    Reference:
        [Chen et al., 2020](https://arxiv.org/abs/2002.05709), eq. 1.

    Example:

    >>> import numpy as np
    >>> from keras_refcal.losses import SimCLRLoss
    >>> embeddings = np.array([[[1.0, 0.0], [1.0, 0.0]], [[0.0, 1.0], [0.0, 1.0]]])
    >>> loss = SimCLRLoss(temperature=1.0, base_temperature=1.0)
    >>> round(float(loss(None, embeddings)), 4)
    0.5514
    """

    formula = "-T/T_base · log softmax(z·z'/T) at the sample's other views"
    use = "Pre-trains an encoder without labels, or when labels cannot be trusted."

    def __init__(
        self,
        temperature: float = 0.1,
        base_temperature: float = 0.07,
        contrast_mode: str = "all",
        normalize: bool = True,
        name: str | None = "simclr",
        **kwargs: Any,
    ):
        super().__init__(
            temperature, base_temperature, contrast_mode, normalize, name=name, **kwargs
        )

    def read(self, y_true: Tensor, y_pred: Tensor, counted: Any = None) -> Any:
        """See `FloatLoss`; targets are a class of its own for each sample."""
        embeddings = self.cast(embeddings_of(y_pred))
        check_embeddings(self, embeddings)
        present = None
        if y_true is not None:
            labels = self.cast(y_true)
            check_label_shape(labels, embeddings)
            if is_class_ids(labels):
                labels = ops.reshape(labels, (-1,))
            present = is_present(labels, self.ignore_class)
        return Rows(contrastive.own_views(embeddings), embeddings, present, None)
