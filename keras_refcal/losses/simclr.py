"""SimCLR: contrastive learning without labels."""

from keras import ops

from keras_refcal.losses.base import embeddings_of
from keras_refcal.losses.supervised_contrastive import ContrastiveLoss
from keras_refcal.ops import contrastive
from keras_refcal.registration import serializable
from keras_refcal.validation import check_labels


@serializable
class SimCLRLoss(ContrastiveLoss):
    """Pulls the views of a sample together and pushes all other samples away.

    The supervised contrastive loss with each sample as a class of its own (NT-Xent);
    labels are ignored and may be `None`. It needs two views or more: with one view
    no anchor has a positive and the loss is 0. `base_temperature=temperature` gives
    the loss of the SimCLR paper, without a factor.

    Args:
        temperature: See `ContrastiveLoss`, as the next three.
        base_temperature: Positive number.
        contrast_mode: `"all"` or `"one"`.
        normalize: Whether to scale embeddings to unit length first.
        **kwargs: `block_size`, `name`, `reduction`, `dtype`; see `ContrastiveLoss`.

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
        temperature=0.1,
        base_temperature=0.07,
        contrast_mode="all",
        normalize=True,
        name="simclr",
        **kwargs,
    ):
        super().__init__(
            temperature, base_temperature, contrast_mode, normalize, name=name, **kwargs
        )

    def of_rows(self, y_true, y_pred, sample_weight=None):
        """Returns the reduced loss; `y_true` may be `None`."""
        if y_true is None:
            y_true = ops.zeros(ops.shape(embeddings_of(y_pred))[:1])
        return super().of_rows(y_true, y_pred, sample_weight)

    def positives(self, y_true, embeddings):
        """Returns a class of its own for each sample, shape `(batch,)`."""
        check_labels(y_true, embeddings)
        return contrastive.own_views(embeddings)
