"""RefCal's objective: classification, calibration and refinement in one loss."""

from typing import Any, NamedTuple

import keras
from keras import ops

from keras_refcal.backend.keras_internals import get_keras_mask
from keras_refcal.losses import registry
from keras_refcal.losses.base import BatchLoss, FloatLoss, logits_of
from keras_refcal.losses.reduction import (
    rows_of_all_replicas,
    share_of_replica,
    weights_with_mask,
)
from keras_refcal.ops.labels import (
    both,
    is_one_column,
    is_present,
    read_labels,
    split_index,
    two_class_distribution,
    with_index,
)
from keras_refcal.ops.leading_axes import as_rows
from keras_refcal.ops.vectors import l2_normalize
from keras_refcal.ops.weights import mean_weight, read_weights, with_weight
from keras_refcal.registration import serializable
from keras_refcal.types import Tensor
from keras_refcal.validation import (
    check_are_probabilities,
    check_batch,
    check_non_negative,
    check_one_column,
    check_term,
    is_class_ids,
)

TERMS = ("classification", "calibration", "refinement")

# Of calibration and refinement. The published ones want the paper's hundreds of epochs:
# in short trainings ten MDCA and the contrast drown the classifier.
WEIGHTS = {"published": (10.0, 1.0), "gentle": (1.0, 0.1)}

# What Keras has for one column; all other losses see two for one column.
ONE_COLUMN = (keras.losses.BinaryCrossentropy, keras.losses.BinaryFocalCrossentropy)


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
    the refinement term sees the L2-normalised log-probabilities, those of two classes
    where the output is one column.

    Args:
        classification: Term that rewards the right class. Defaults to
            `"cross_entropy"`.
        calibration: Term that penalises a gap between confidence and frequency.
            Defaults to `"mdca"`.
        refinement: Term that separates the classes in the embedding. Defaults to
            `"supervised_contrastive"`.
        calibration_weight: Number >= 0. If `None`, what `weights` says.
        refinement_weight: Number >= 0. If `None`, what `weights` says.
        weights: `"gentle"`, 1 for calibration and 0.1 for refinement, with which a
            short training is not behind cross-entropy; or `"published"`, 10 and 1,
            which want hundreds of epochs (`benchmarks/default_loss.py` has both). A
            loss without all three terms is a stage of the method, or part of one, and
            its weights are the published ones.
        from_logits: Whether a plain model's output holds logits. Terms given by
            name follow; a `Loss` of another package follows its own `from_logits`.
        **kwargs: `ignore_class`, which leaves samples out of every term, `name`,
            `reduction`, for the terms given by name, `dtype`; see `FloatLoss`.

    Call arguments:
        y_true: Class ids, shape `(batch,)` or `(batch, 1)`, or rows of
            probabilities, shape `(batch, num_classes)`, which are soft positives in
            the refinement term; with a term that needs it, a last column with the
            index of each sample: `(batch, 2)` for class ids.
        y_pred: Shape `(batch, num_classes)`; or one column, `(batch,)` or
            `(batch, 1)`, for class 1 of two; or pixels and tokens,
            `(batch, ..., num_classes)`, each of which is a sample, in the refinement
            term too; or the outputs of a `RefCalModel`: a mapping with `"logits"`,
            shape `(batch, views, num_classes)`, and `"embeddings"`, shape
            `(batch, views, dim)`.
        sample_weight: Optional, finite numbers of 0 or more, shape `(batch,)`. Weights
            scale every term alike: c times the weights are c times the loss. A term
            that is a property of the whole batch has the weights inside its means,
            where their scale does not matter, and is then multiplied by the mean of
            the weights above 0; so it is more than that term alone, which does not
            change when all weights do.

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
        classification: Any = "cross_entropy",
        calibration: Any = "mdca",
        refinement: Any = "supervised_contrastive",
        calibration_weight: Any = None,
        refinement_weight: Any = None,
        weights: str = "gentle",
        from_logits: bool = False,
        name: str | None = "refcal",
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        if weights not in WEIGHTS:
            raise ValueError(
                f"`weights` must be one of {[*WEIGHTS]}. Received: {weights!r}"
            )
        is_whole = None not in (classification, calibration, refinement)
        defaults = WEIGHTS[weights if is_whole else "published"]
        given = calibration_weight, refinement_weight
        calibration_weight, refinement_weight = (
            default if number is None else number
            for number, default in zip(given, defaults, strict=True)
        )
        check_non_negative("calibration_weight", calibration_weight)
        check_non_negative("refinement_weight", refinement_weight)
        self.classification = classification
        self.calibration = calibration
        self.refinement = refinement
        self.calibration_weight = calibration_weight
        self.refinement_weight = refinement_weight
        self.weights = weights
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

    def __call__(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> Any:
        """Returns the weighted sum of the terms."""
        rows = rows_of_all_replicas(y_true, y_pred, sample_weight)
        rows = as_rows(self._labels(rows[0]), self.cast(rows[1]), *rows[2:])
        return rows.restored(self.of_rows(*rows[:4]))

    def of_rows(
        self,
        y_true: Tensor,
        y_pred: Tensor,
        sample_weight: Tensor | None = None,
        mask: Any = None,
    ) -> Any:
        """Returns the weighted sum of the terms of these rows, the whole batch."""
        return self.total(self.term_values(y_true, y_pred, sample_weight, mask))

    @property
    def needs_index(self) -> Any:
        """Whether the last column of the labels must be the sample's index."""
        return any(map(_needs_index, self.terms.values()))

    @property
    def outputs_read(self) -> Any:
        """The names of the outputs of a `RefCalModel` that the terms read."""
        # In one order in every process, which exchange them one by one.
        return sorted({_output_of(name) for name in self.terms})

    def state_layers(self) -> Any:
        """See `FloatLoss`; the layers of all terms."""
        terms = (term for term in self.terms.values() if isinstance(term, FloatLoss))
        return [layer for term in terms for layer in term.state_layers()]

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        """See `FloatLoss`; every term that learns from batches does so."""
        learning = [name for name, term in self.terms.items() if _learns(term)]
        if not learning:
            return
        mask = get_keras_mask(y_pred)
        rows = as_rows(self._labels(y_true), self.cast(y_pred), sample_weight, mask)
        batch = self._batch(*rows[:4])
        for name in learning:
            labels, outputs, weight, present = self._rows_of(name, batch)
            weight = weights_with_mask(present, weight)
            self.terms[name].update_state(labels, outputs, weight)

    def term_values(
        self,
        y_true: Tensor,
        y_pred: Tensor,
        sample_weight: Tensor | None = None,
        mask: Any = None,
    ) -> Any:
        """Returns each active term's reduced value, unweighted, by term name.

        Rows are those of the whole batch; values are what one replica adds.
        """
        batch = self._batch(y_true, y_pred, sample_weight, mask)
        return {name: self._value(name, batch) for name in self.terms}

    def total(self, values: Any) -> Any:
        """Returns the weighted sum of what `term_values` returned."""
        weights = {
            "classification": 1.0,
            "calibration": self.calibration_weight,
            "refinement": self.refinement_weight,
        }
        return sum(weights[name] * value for name, value in values.items())

    def _make_term(self, name):
        term = getattr(self, name)
        check_term(name, term)
        if isinstance(term, str):
            return registry.get(term, reduction=self.reduction, dtype=self.dtype)
        return term

    def _labels(self, y_true):
        return None if y_true is None else self.cast(y_true)

    def _batch(self, y_true, y_pred, sample_weight, mask):
        labels, index = self._labels(y_true), None
        if self.needs_index and len(labels.shape) == 2:
            labels, index = split_index(labels)
        given = self.cast(y_pred)
        size = ops.shape(keras.tree.flatten(given)[0])[0]
        weight = read_weights(sample_weight, size, self.dtype)
        present = None if mask is None else ops.cast(mask, "bool")
        labels, present = _without(labels, self.ignore_class, present)
        outputs, targets = given, labels
        if not isinstance(given, dict):
            outputs = self._as_outputs(given)
            counted = with_weight(present, weight)
            if not self.from_logits:
                check_are_probabilities(given, counted)
            if is_one_column(given) and is_class_ids(labels):
                read_labels(labels, given, 2, fractions=True, counted=counted)
                targets = two_class_distribution(ops.reshape(labels, (-1,)))
        return _Batch(labels, targets, index, outputs, given, weight, present)

    def _as_outputs(self, y_pred):
        """Returns the outputs of a plain model as those of a `RefCalModel`."""
        if is_one_column(y_pred):
            for term in self.terms.values():
                if isinstance(term, FloatLoss):
                    check_one_column(term, self.from_logits)
        logits = logits_of(y_pred, self.from_logits)
        check_batch("y_pred", logits, ranks=(2,))
        log_probabilities = ops.log_softmax(logits, axis=-1)
        return {"logits": logits, "embeddings": l2_normalize(log_probabilities)}

    def _rows_of(self, name, batch):
        """Returns labels, outputs, weights and presence as one term takes them."""
        term = self.terms[name]
        labels = batch.targets if isinstance(term, FloatLoss) else batch.labels
        if _needs_index(term) and batch.index is not None:
            labels = with_index(labels, batch.index)
        output = _output_of(name)
        values = batch.outputs[output]
        rows = labels, batch.weight, batch.present
        if output == "logits":
            values, rows = _per_view(values, rows)
        labels, weight, present = rows
        return labels, {output: values}, weight, present

    def _value(self, name, batch):
        """Returns the reduced value of one term, unweighted."""
        term = self.terms[name]
        labels, outputs, weight, present = self._rows_of(name, batch)
        if isinstance(term, FloatLoss):
            value = term.of_rows(labels, outputs, weight, present)
        else:
            right = _judged(term, labels, outputs, batch, with_weight(present, weight))
            weight = weights_with_mask(present, weight, term.reduction)
            value = term(labels, _as_seen(term, outputs, batch.given), weight)
            if right is not None:
                value = value * ops.where(ops.all(right), 1.0, float("nan"))
        is_scaled = weight is not None and term.reduction != "mean_with_sample_weight"
        if isinstance(term, BatchLoss) and is_scaled:
            # Its own weights have no scale; those of other terms do.
            value = value * mean_weight(weight, present)
        return share_of_replica(value, term.reduction)


class _Batch(NamedTuple):
    """What the terms are computed from.

    Attributes:
        labels: As given, without the index of the sample.
        targets: The same, as rows of two classes for one column of predictions.
        index: Index of each sample, shape `(batch,)`, or `None`.
        outputs: Mapping of `"logits"` and `"embeddings"`.
        given: The predictions as given.
        weight: Shape `(batch,)`, or `None`.
        present: Which rows are there, shape `(batch,)`, or `None` for all.
    """

    labels: Tensor
    targets: Tensor
    index: Tensor | None
    outputs: dict
    given: Tensor | dict
    weight: Tensor | None
    present: Tensor | None


def _output_of(term_name):
    return "embeddings" if term_name == "refinement" else "logits"


def _without(labels, ignore_class, present):
    """Returns labels and presence, ignored labels replaced by some label."""
    if ignore_class is None or labels is None:
        return labels, present
    if is_class_ids(labels):
        labels = ops.reshape(labels, (-1,))
    kept = is_present(labels, ignore_class)
    if kept is None:
        return labels, present
    is_rows = len(labels.shape) == 2
    stand_in = 1 / labels.shape[1] if is_rows else 0.0
    labels = ops.where(kept[:, None] if is_rows else kept, labels, stand_in)
    return labels, both(kept, present)


def _per_view(logits, rows):
    """Gives each view a row of its own, first views first."""
    if len(logits.shape) == 2:
        return logits, rows
    views = logits.shape[1]
    logits = ops.reshape(ops.transpose(logits, (1, 0, 2)), (-1, logits.shape[-1]))
    if views > 1:
        rows = [x if x is None else ops.concatenate([x] * views, axis=0) for x in rows]
    return logits, rows


def _judged(term, labels, outputs, batch, counted):
    """Returns which labels are any, where a loss of another package reads logits.

    It raises, or returns `None`, where values can be read; see `read_labels`.
    """
    if "logits" not in outputs:
        return None
    logits = outputs["logits"]
    column = not isinstance(batch.given, dict) and is_one_column(batch.given)
    fractions = column and is_class_ids(labels)
    ignored = getattr(term, "ignore_class", None)
    return read_labels(
        labels, logits, logits.shape[-1], ignored, fractions, counted
    ).right


def _as_seen(term, outputs, given):
    """Returns the tensor that a loss of another package sees."""
    if "embeddings" in outputs:
        return outputs["embeddings"]
    logits, from_logits = outputs["logits"], getattr(term, "from_logits", False)
    if isinstance(term, ONE_COLUMN) and not isinstance(given, dict):
        if is_one_column(given):
            logit = logits[:, 1:] - logits[:, :1]
            column = logit if from_logits else ops.sigmoid(logit)
            return ops.reshape(column, ops.shape(given))
    return logits if from_logits else ops.softmax(logits, axis=-1)


def _learns(term):
    own = getattr(type(term), "update_state", FloatLoss.update_state)
    return own is not FloatLoss.update_state


def _needs_index(term):
    return getattr(term, "needs_index", False)
