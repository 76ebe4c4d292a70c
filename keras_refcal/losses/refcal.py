"""RefCal's objective: classification, calibration and refinement in one loss."""

import keras
from keras import ops

from keras_refcal.losses import registry
from keras_refcal.losses.base import (
    FloatLoss,
    WeightedLoss,
    logits_of,
    mask_of,
    rows_of_all_replicas,
    share_of_replica,
    weights_with_mask,
)
from keras_refcal.ops.labels import split_index
from keras_refcal.ops.vectors import unit_vectors
from keras_refcal.registration import serializable
from keras_refcal.validation import check_batch, check_non_negative, check_term

TERMS = ("classification", "calibration", "refinement")


@serializable
class RefCalLoss(FloatLoss):
    """Cross-entropy + calibration penalty + supervised contrastive loss.

    The total is `classification + calibration_weight * calibration +
    refinement_weight * refinement`. Each term is a name (see `losses.get`), a
    `keras.losses.Loss` or `None`, which leaves it out. The two stages of the paper
    are two losses: `RefCalLoss(classification=None, calibration=None)` trains the
    encoder, `RefCalLoss(refinement=None)` the classifier on the frozen encoder.

    In a `RefCalModel` the refinement term sees the projected embeddings and the
    other two see logits, for every view. In any other Keras model with one output
    the refinement term sees the L2-normalised log-probabilities.

    Args:
        classification: Term that rewards the right class. Defaults to
            `"cross_entropy"`.
        calibration: Term that penalises a gap between confidence and frequency.
            Defaults to `"mdca"`.
        refinement: Term that separates the classes in the embedding. Defaults to
            `"supervised_contrastive"`.
        calibration_weight: Number >= 0. The default, 10, is the published one; MDCA
            is a mean over classes and small.
        refinement_weight: Number >= 0.
        from_logits: Whether a plain model's output holds logits. Terms given by
            name follow; a `Loss` of another package follows its own `from_logits`.
        name: Optional name of the loss.
        reduction: As in `keras.losses.Loss`, for the terms given by name.
        dtype: As in `keras.losses.Loss`; float32 at least.

    Call arguments:
        y_true: Class ids, shape `(batch,)` or `(batch, 1)`, or rows of
            probabilities, shape `(batch, num_classes)`; with a term that needs it, a
            last column with the index of each sample: `(batch, 2)` for class ids.
        y_pred: Shape `(batch, num_classes)`, or the outputs of a `RefCalModel`: a
            mapping with `"logits"`, shape `(batch, views, num_classes)`, and
            `"embeddings"`, shape `(batch, views, dim)`.
        sample_weight: Optional, shape `(batch,)`; each term says what it does.

    Raises:
        ValueError: If every term is `None`, a name is unknown or a weight negative.

    Reference:
        [RefCal, 2026](https://arxiv.org/abs/2605.23249).

    Example:

    >>> import numpy as np
    >>> from keras_refcal.losses import RefCalLoss
    >>> probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]])
    >>> loss = RefCalLoss(refinement=None)
    >>> round(float(loss(np.array([0, 0, 1]), probabilities)), 4)
    0.2284
    """

    formula = "classification + w_c · calibration + w_r · refinement"
    use = "The whole method, or one of its stages: any loss of this table as a term."

    def __init__(
        self,
        classification="cross_entropy",
        calibration="mdca",
        refinement="supervised_contrastive",
        calibration_weight=10.0,
        refinement_weight=1.0,
        from_logits=False,
        name="refcal",
        reduction="sum_over_batch_size",
        dtype=None,
    ):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        check_non_negative("calibration_weight", calibration_weight)
        check_non_negative("refinement_weight", refinement_weight)
        self.classification = classification
        self.calibration = calibration
        self.refinement = refinement
        self.calibration_weight = calibration_weight
        self.refinement_weight = refinement_weight
        self.from_logits = from_logits
        self.terms = {
            name: self._make_term(name)
            for name in TERMS
            if getattr(self, name) is not None
        }
        if not self.terms:
            raise ValueError(
                "RefCalLoss needs one of `classification`, `calibration` and "
                "`refinement`. Received: None for all three."
            )

    def __call__(self, y_true, y_pred, sample_weight=None):
        """Returns the weighted sum of the terms."""
        rows = rows_of_all_replicas(y_true, y_pred, sample_weight)
        return self.total(self.term_values(*rows))

    @property
    def needs_index(self):
        """Whether the last column of the labels must be the sample's index."""
        return any(map(_needs_index, self.terms.values()))

    @property
    def outputs_read(self):
        """The names of the outputs of a `RefCalModel` that the terms read."""
        # In one order in every process, which exchange them one by one.
        return sorted({_output_of(name) for name in self.terms})

    def state_layers(self):
        """See `FloatLoss`; the layers of all terms."""
        terms = (term for term in self.terms.values() if isinstance(term, FloatLoss))
        return [layer for term in terms for layer in term.state_layers()]

    def update_state(self, y_true, y_pred, sample_weight=None):
        """See `FloatLoss`; every term that learns from batches does so."""
        for name, term in self.terms.items():
            if _learns(term):
                term.update_state(*self._arguments(name, y_true, y_pred, sample_weight))

    def term_values(self, y_true, y_pred, sample_weight=None):
        """Returns each active term's reduced value, unweighted, by term name.

        Rows are those of the whole batch; values are what one replica adds.
        """
        return {
            name: _call(term, *self._arguments(name, y_true, y_pred, sample_weight))
            for name, term in self.terms.items()
        }

    def total(self, values):
        """Returns the weighted sum of what `term_values` returned."""
        weights = {
            "classification": 1.0,
            "calibration": self.calibration_weight,
            "refinement": self.refinement_weight,
        }
        return sum(weights[name] * value for name, value in values.items())

    def get_config(self):
        """Returns the constructor's arguments, nested losses serialised."""
        config = {
            **super().get_config(),
            "calibration_weight": self.calibration_weight,
            "refinement_weight": self.refinement_weight,
            "from_logits": self.from_logits,
        }
        for name in TERMS:
            term = getattr(self, name)
            if isinstance(term, keras.losses.Loss):
                term = keras.saving.serialize_keras_object(term)
            config[name] = term
        return config

    @classmethod
    def from_config(cls, config):
        """Returns the loss that `get_config` described."""
        terms = {
            name: keras.saving.deserialize_keras_object(config[name])
            for name in TERMS
            if isinstance(config[name], dict)
        }
        return cls(**{**config, **terms})

    def _make_term(self, name):
        term = getattr(self, name)
        check_term(name, term)
        if isinstance(term, str):
            return registry.get(term, reduction=self.reduction, dtype=self.dtype)
        return term

    def _arguments(self, name, y_true, y_pred, sample_weight):
        """Returns labels, outputs and weights as one term takes them."""
        if self.needs_index and not _needs_index(self.terms[name]):
            y_true, _ = split_index(ops.convert_to_tensor(y_true))
        # Means over the batch drop what is masked by themselves.
        alone = isinstance(self.terms[name], WeightedLoss)
        reduction = "none" if alone else self.terms[name].reduction
        sample_weight = weights_with_mask(mask_of(y_pred), sample_weight, reduction)
        if not isinstance(y_pred, dict):
            y_pred = self._as_outputs(y_pred)
        if _output_of(name) == "embeddings":
            return y_true, {"embeddings": y_pred["embeddings"]}, sample_weight
        y_true, logits, weight = _per_view(y_true, y_pred["logits"], sample_weight)
        return y_true, {"logits": logits}, weight

    def _as_outputs(self, y_pred):
        y_pred = ops.convert_to_tensor(y_pred, dtype=self.dtype)
        check_batch("y_pred", y_pred, ranks=(2,))
        logits = logits_of(y_pred, self.from_logits)
        log_probabilities = ops.log_softmax(logits, axis=-1)
        return {"logits": logits, "embeddings": unit_vectors(log_probabilities)}


def _output_of(term_name):
    return "embeddings" if term_name == "refinement" else "logits"


def _per_view(y_true, logits, sample_weight):
    """Gives each view a row of its own, first views first."""
    if len(logits.shape) == 2:
        return y_true, logits, sample_weight
    views = logits.shape[1]
    if views == 1:
        return y_true, logits[:, 0], sample_weight
    y_true = ops.concatenate([ops.convert_to_tensor(y_true)] * views, axis=0)
    if sample_weight is not None:
        sample_weight = ops.convert_to_tensor(sample_weight)
        sample_weight = ops.concatenate([sample_weight] * views, axis=0)
    logits = ops.transpose(logits, (1, 0, 2))
    return y_true, ops.reshape(logits, (-1, logits.shape[-1])), sample_weight


def _call(term, y_true, outputs, sample_weight):
    value = _value(term, y_true, outputs, sample_weight)
    return share_of_replica(value, term.reduction)


def _value(term, y_true, outputs, sample_weight):
    """Calls a term; one of another package sees a tensor instead of a mapping."""
    if isinstance(term, WeightedLoss):
        return term.of_rows(y_true, outputs, sample_weight)
    if isinstance(term, FloatLoss):
        return term(y_true, outputs, sample_weight)
    if "embeddings" in outputs:
        return term(y_true, outputs["embeddings"], sample_weight)
    from_logits = getattr(term, "from_logits", False)
    logits = outputs["logits"]
    y_pred = logits if from_logits else ops.softmax(logits, axis=-1)
    return term(y_true, y_pred, sample_weight)


def _learns(term):
    own = getattr(type(term), "update_state", FloatLoss.update_state)
    return own is not FloatLoss.update_state


def _needs_index(term):
    return getattr(term, "needs_index", False)
