"""What every loss of this package shares: precision, labels, logits and weights."""

import keras
from keras import ops

from keras_refcal.backend import global_batch, num_replicas
from keras_refcal.ops.labels import log_probabilities
from keras_refcal.validation import check_batch, check_labels


class FloatLoss(keras.losses.Loss):
    """A `keras.losses.Loss` that computes in float32 at least.

    Keras casts labels and predictions to the loss' dtype; in half precision that
    would merge class ids above 2048 and underflow probabilities.

    Class attributes say what `docs/losses.md` shows, `formula` and `use`, which term
    of a `RefCalLoss` the loss becomes where it is given alone, and whether the last
    column of its labels must be the index of the sample in the training set.
    """

    formula = None
    use = None
    term = "classification"
    needs_index = False

    def __init__(self, name=None, reduction="sum_over_batch_size", dtype=None):
        dtype = keras.dtype_policies.get(dtype or keras.config.floatx()).compute_dtype
        if dtype in ("float16", "bfloat16"):
            dtype = "float32"
        super().__init__(name=name, reduction=reduction, dtype=dtype)

    def state_layers(self):
        """Returns the layers that hold what the loss keeps between batches.

        `RefCalModel` counts their variables among its own, so that they live through
        a compiled step on every backend, are trained if trainable, and are saved.
        """
        return [x for x in vars(self).values() if isinstance(x, keras.layers.Layer)]

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Learns from a batch of training, after its loss; most losses do nothing.

        Args:
            y_true: As in a call.
            y_pred: As in a call.
            sample_weight: As in a call.
        """


class ClassificationLoss(FloatLoss):
    """A loss with one value a sample, computed from logits.

    Subclasses define `values(y_true, logits)`, which returns shape `(batch,)`.

    Args:
        from_logits: Whether `y_pred` holds logits. If `False` it holds
            probabilities, whose logarithms serve as logits.
        name: Optional name of the loss.
        reduction: As in `keras.losses.Loss`.
        dtype: As in `keras.losses.Loss`; float32 at least.

    Call arguments:
        y_true: Class ids, shape `(batch,)` or `(batch, 1)`, or rows of
            probabilities, shape `(batch, num_classes)`.
        y_pred: Shape `(batch, num_classes)`, or the outputs of a `RefCalModel`: a
            mapping whose entry `"logits"` has that shape.
        sample_weight: Optional, shape `(batch,)`; multiplies each sample's value
            before the reduction, as in Keras.
    """

    def __init__(
        self,
        from_logits=False,
        name=None,
        reduction="sum_over_batch_size",
        dtype=None,
    ):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.from_logits = from_logits

    def call(self, y_true, y_pred):
        """Returns the loss of each sample, shape `(batch,)`."""
        logits = logits_of(y_pred, self.from_logits)
        check_batch("y_pred", logits, ranks=(2,))
        check_labels(y_true, logits, num_classes=logits.shape[-1])
        return self.values(y_true, logits)

    def values(self, y_true, logits):
        """Returns the loss of each sample from checked labels and logits."""
        raise NotImplementedError

    def get_config(self):
        """Returns the constructor's arguments."""
        return {**super().get_config(), "from_logits": self.from_logits}


class WeightedLoss(FloatLoss):
    """A loss that is a property of the whole batch, so that weights enter inside it.

    Subclasses define `weighted_values(y_true, y_pred, sample_weight)`, which returns
    shape `(batch,)`. Weight 0 equals absence. A mask on `y_pred` counts as weight.
    Among the replicas of a `tf.distribute` strategy the batch is that of all replicas.
    """

    def __call__(self, y_true, y_pred, sample_weight=None):
        """Returns the reduced loss; `sample_weight` has shape `(batch,)`."""
        rows = rows_of_all_replicas(y_true, y_pred, sample_weight)
        return share_of_replica(self.of_rows(*rows), self.reduction)

    def of_rows(self, y_true, y_pred, sample_weight=None):
        """Returns the reduced loss of these rows, which are the whole batch."""
        weight = weights_with_mask(mask_of(y_pred), sample_weight)
        if weight is None:
            return super().__call__(y_true, y_pred)
        # The tuples keep Keras from applying weight and mask a second time.
        return super().__call__((y_true, weight), (y_pred,))

    def call(self, y_true, y_pred):
        """Returns one value a sample, shape `(batch,)`."""
        weight = None
        if isinstance(y_pred, tuple):
            (y_true, weight), (y_pred,) = y_true, y_pred
            weight = ops.reshape(weight, (-1,))
        return self.weighted_values(y_true, y_pred, weight)

    def weighted_values(self, y_true, y_pred, sample_weight):
        """Returns shape `(batch,)`; `sample_weight` is `None` or `(batch,)`."""
        raise NotImplementedError


class BatchPenalty(WeightedLoss):
    """A penalty on the predictions of a whole batch, one scalar computed from logits.

    Subclasses define `penalty(y_true, logits, sample_weight)`, which returns a
    scalar. `call` gives it once for each sample, so that Keras' reduction and its
    scaling for replicas apply; the mean over the batch is the penalty itself.

    Args:
        from_logits: Whether `y_pred` holds logits. If `False` it holds
            probabilities, whose logarithms serve as logits.
        name: Optional name of the loss.
        reduction: As in `keras.losses.Loss`.
        dtype: As in `keras.losses.Loss`; float32 at least.

    Call arguments:
        y_true: Class ids, shape `(batch,)` or `(batch, 1)`, or rows of
            probabilities, shape `(batch, num_classes)`.
        y_pred: Shape `(batch, num_classes)`, or the outputs of a `RefCalModel`: a
            mapping whose entry `"logits"` has that shape.
        sample_weight: Optional, shape `(batch,)`; weighs each sample in the means
            over the batch. Weight 0 equals absence.
    """

    term = "calibration"

    def __init__(
        self,
        from_logits=False,
        name=None,
        reduction="sum_over_batch_size",
        dtype=None,
    ):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.from_logits = from_logits

    def weighted_values(self, y_true, y_pred, sample_weight):
        """Returns the penalty once for each sample, shape `(batch,)`."""
        logits = logits_of(y_pred, self.from_logits)
        check_batch("y_pred", logits, ranks=(2,))
        check_labels(y_true, logits, num_classes=logits.shape[-1])
        penalty = self.penalty(y_true, logits, sample_weight)
        return ops.broadcast_to(penalty, (ops.shape(logits)[0],))

    def penalty(self, y_true, logits, sample_weight):
        """Returns the penalty of the batch, a scalar."""
        raise NotImplementedError

    def get_config(self):
        """Returns the constructor's arguments."""
        return {**super().get_config(), "from_logits": self.from_logits}


def rows_of_all_replicas(y_true, y_pred, sample_weight):
    """Returns labels, predictions and weights of all replicas of TensorFlow.

    The mask of the predictions comes with them. On other backends, and outside of a
    replica, they are returned as they are.
    """
    if num_replicas() == 1:
        return y_true, y_pred, sample_weight
    rows = (y_true, y_pred, sample_weight, mask_of(y_pred))
    y_true, y_pred, sample_weight, mask = global_batch(rows)
    if mask is not None:
        y_pred._keras_mask = mask
    return y_true, y_pred, sample_weight


def share_of_replica(value, reduction):
    """Returns what one replica adds to a loss that each computes from all rows.

    Keras divides means by the number of replicas itself, but no sum.
    """
    return value / num_replicas() if reduction == "sum" else value


def logits_of(y_pred, from_logits):
    """Returns the logits of a prediction.

    Args:
        y_pred: A mapping with the entry `"logits"`, or a tensor that holds logits or
            probabilities.
        from_logits: What a tensor holds.
    """
    if isinstance(y_pred, dict):
        return y_pred["logits"]
    return y_pred if from_logits else log_probabilities(y_pred)


def embeddings_of(y_pred):
    """Returns the embeddings of a prediction.

    Args:
        y_pred: A mapping with the entry `"embeddings"`, or the embeddings themselves.
    """
    return y_pred["embeddings"] if isinstance(y_pred, dict) else y_pred


def weights_with_mask(mask, sample_weight, reduction="none"):
    """Returns sample weights times a mask, or the weights if there is no mask.

    Args:
        mask: Keras mask of predictions, shape `(batch,)`, or `None`.
        sample_weight: Shape `(batch,)`, or `None`.
        reduction: Where it divides by the batch, the mask makes up for what is masked.
    """
    if mask is None:
        return sample_weight
    mask = ops.cast(mask, "float32")
    if reduction in ("sum_over_batch_size", "mean"):
        mask = ops.divide_no_nan(mask, ops.mean(mask))
    return mask if sample_weight is None else mask * ops.cast(sample_weight, "float32")


def mask_of(y_pred):
    """Returns the Keras mask of predictions, or `None`."""
    return getattr(y_pred, "_keras_mask", None)
