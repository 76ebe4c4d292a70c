"""Balanced contrastive loss: every class has the same say, and is always there."""

from typing import Any

from keras_refcal.layers.class_prototypes import ClassPrototypes
from keras_refcal.losses.base import BatchLoss, Rows, embeddings_of
from keras_refcal.ops import balanced_contrastive
from keras_refcal.ops.labels import read_labels
from keras_refcal.registration import serializable
from keras_refcal.types import Tensor
from keras_refcal.validation import check_embeddings, check_positive


@serializable
class BalancedContrastiveLoss(BatchLoss):
    """Supervised contrastive loss for long-tailed classes, with learned prototypes.

    Class averaging divides each exponential of the denominator by the number of
    contrasts of its class; class complement adds a prototype of every class to the
    contrasts. For an anchor i with positives P(i), contrasts A(i) and temperature T:

        loss_i = -1 / |P(i)| · Σ_{p∈P(i)} log(e^{z_i·z_p/T} / Σ_{a∈A(i)} e^{z_i·z_a/T} / n_a)

    with n_a the number of contrasts in A(i) of the class of a. Rows of probabilities q
    are soft members of every class: `n_c` is the sum of q_c over A(i), `1 / n_a` the
    mean of `1 / n_c` over q_a, and the mean over positives has the weights `q_i · q_p`,
    in which a prototype is one-hot. One-hot rows give what class ids give, which are
    quicker. The prototypes are a
    `ClassPrototypes` layer of the loss. A `RefCalModel` trains that of its own copy of the loss,
    `model.loss`, and saves it with its weights; any other model must hold it as an attribute (`model.prototypes =
    loss.prototypes`) to do so. Batches of more than 256 rows, which are samples times
    views, are computed block by block, in memory that is linear in the batch.

    Args:
        num_classes: Integer, 2 or more.
        embedding_dim: Positive integer, length of the embeddings; `projection_dim`
            of the `RefCalModel`.
        temperature: Number above 0 that divides similarities.
        normalize: Whether to scale embeddings and prototypes to unit length first.
        **kwargs: `ignore_class`, `name`, `reduction`, `dtype`; see `FloatLoss`.

    Call arguments:
        y_true: Class ids, shape `(batch,)` or `(batch, 1)`, or rows of
            probabilities, one-hot or soft, shape `(batch, num_classes)`.
        y_pred: Embeddings, shape `(batch, dim)` or `(batch, views, dim)`, or the
            outputs of a `RefCalModel`: a mapping whose entry `"embeddings"` is that.
        sample_weight: Optional, finite numbers of 0 or more, shape `(batch,)`. A
            sample of twice the weight counts as two; the scale of the weights does
            not matter: equal weights count as one sample each. Weight 0 equals
            absence.

    Raises:
        ValueError: If an argument is out of its range, or if shapes or labels of a
            batch do not fit.

    Reference:
        [Zhu et al., 2022](https://arxiv.org/abs/2207.09052), eq. 8.

    Example:

    >>> import keras
    >>> import numpy as np
    >>> from keras_refcal.losses import BalancedContrastiveLoss
    >>> loss = BalancedContrastiveLoss(num_classes=2, embedding_dim=2, temperature=1.0)
    >>> loss.prototypes.set_weights([np.eye(2)])
    >>> embeddings = np.array([[[1.0, 0.0], [1.0, 0.0]], [[0.0, 1.0], [0.0, 1.0]]])
    >>> value = keras.ops.convert_to_numpy(loss(np.array([0, 1]), embeddings))
    >>> round(float(value), 4)
    0.3133
    """  # noqa: E501

    formula = "-mean over positives of log(e^{z·z'/T} / Σ_a e^{z·z_a/T} / n_a)"
    use = "RefCal's refinement term on long-tailed data, in place of SupCon."
    term = "refinement"
    reads_embeddings = True

    def __init__(
        self,
        num_classes: int,
        embedding_dim: int = 128,
        temperature: float = 0.1,
        normalize: bool = True,
        name: str | None = "balanced_contrastive",
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        check_positive("temperature", temperature)
        self.num_classes = num_classes
        self.embedding_dim = embedding_dim
        self.temperature = temperature
        self.normalize = normalize
        self.prototypes = ClassPrototypes(num_classes, embedding_dim, dtype="float32")

    def read(self, y_true: Tensor, y_pred: Tensor, counted: Any = None) -> Any:
        """See `FloatLoss`; targets are class ids, or rows of probabilities."""
        embeddings = self.cast(embeddings_of(y_pred))
        check_embeddings(self, embeddings)
        if embeddings.shape[-1] != self.embedding_dim:
            raise ValueError(
                f"`embedding_dim` is {self.embedding_dim}, but `y_pred` has embeddings "
                f"of length {embeddings.shape[-1]}."
            )
        labels = read_labels(
            self.cast(y_true),
            embeddings,
            self.num_classes,
            self.ignore_class,
            counted=counted,
        )
        return Rows(labels.values, embeddings, labels.present, labels.right)

    def values(self, targets: Tensor, embeddings: Tensor, weight: Tensor) -> Any:
        """Returns values whose mean is the loss, shape `(batch,)`."""
        return balanced_contrastive.balanced_contrastive(
            embeddings,
            self.prototypes.vectors(),
            targets,
            weight,
            temperature=self.temperature,
            normalize=self.normalize,
        )
