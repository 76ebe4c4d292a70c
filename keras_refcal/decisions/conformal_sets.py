"""Conformal prediction sets as a layer."""

import warnings

import keras
import numpy as np
from keras import ops

from keras_refcal.fitting.conformal import conformal_threshold, fewest_samples
from keras_refcal.layers.calibrators.attaching import attached_model, returns_logits
from keras_refcal.ops.class_groups import GROUPS, filled_groups
from keras_refcal.predictions import are_probabilities, as_class_ids, as_scores
from keras_refcal.registration import serializable
from keras_refcal.validation import check_choice, check_class_counts, check_non_negative

SCORES = ("thr", "aps", "raps")
# Above every score: a class with this threshold is in every set.
ALWAYS = 1e9


@serializable
class ConformalSets(keras.layers.Layer):
    """Returns for each sample a set of classes that holds the true one.

    After `fit` on n validation samples, a new sample from the same distribution has
    its class in its set with a probability of at least `coverage`, whatever the model,
    on average over validation sets; with continuous scores, of at most
    `coverage + 1 / (n + 1)`. `condition` makes this hold within each class or group of
    classes, which the tail needs: on average over all samples it may be left out.

    Before `fit` every class is in every set. Sets of `"thr"` can be empty.

    Args:
        coverage: Number in (0, 1).
        score: How unlikely a class is. `"thr"`: 1 minus its probability (smallest
            sets). `"aps"`: the probability of all classes down to it, itself
            included, without randomisation (sets that adapt to difficulty).
            `"raps"`: the same plus `rank_penalty` for each rank beyond `free_ranks`.
        condition: `None` for coverage over all samples, `"class"` within every class,
            `"group"` within groups of classes. A class or group with too few
            validation samples for the coverage is in every set, with a warning.
        class_counts: Training samples of each class, for `condition="group"`.
        groups: `"shots"` for classes of more than 100, 20 to 100 and fewer than 20
            training samples, `"thirds"` for the largest, middle and smallest third.
        rank_penalty: Number of 0 or more.
        free_ranks: Whole number of 0 or more.
        **kwargs: `name`, `dtype` of `keras.layers.Layer`.

    Call arguments:
        inputs: Probabilities, shape `(batch, num_classes)`.

    Returns:
        Which classes are in the set, booleans of shape `(batch, num_classes)`.

    Raises:
        ValueError: If an argument is not as above.

    Reference:
        [Sadinle et al., 2019](https://arxiv.org/abs/1609.00451) (THR);
        [Romano et al., 2020](https://arxiv.org/abs/2006.02544) (APS);
        [Angelopoulos et al., 2021](https://arxiv.org/abs/2009.14193) (RAPS).

    Example:

    >>> import numpy as np
    >>> from keras_refcal.decisions import ConformalSets
    >>> p = np.tile([[0.6, 0.3, 0.1]], (10, 1))
    >>> sets = ConformalSets(coverage=0.8).fit([0] * 6 + [1] * 4, p)
    >>> np.asarray(sets(p[:1])).tolist()
    [[True, True, False]]
    """

    def __init__(
        self,
        coverage=0.9,
        score="thr",
        condition=None,
        class_counts=None,
        groups="shots",
        rank_penalty=0.01,
        free_ranks=5,
        **kwargs,
    ):
        super().__init__(autocast=False, **kwargs)
        if not (np.isscalar(coverage) and 0 < coverage < 1):
            raise ValueError(f"`coverage` must be in (0, 1). Received: {coverage!r}")
        check_choice("score", score, SCORES)
        check_choice("condition", condition, (None, "class", "group"))
        check_choice("groups", groups, GROUPS)
        check_non_negative("rank_penalty", rank_penalty)
        check_non_negative("free_ranks", free_ranks)
        if (condition == "group") != (class_counts is not None):
            raise ValueError(
                "`class_counts` belong to `condition='group'`. Received: "
                f"condition={condition!r}, class_counts={class_counts!r}"
            )
        self.coverage = coverage
        self.score = score
        self.condition = condition
        self.class_counts = (
            None if class_counts is None else check_class_counts(class_counts)
        )
        self.groups = groups
        self.rank_penalty = rank_penalty
        self.free_ranks = free_ranks

    def build(self, input_shape):
        """Creates the thresholds, which let every class in."""
        classes = input_shape[-1]
        if len(input_shape) != 2 or classes is None or classes < 2:
            raise ValueError(
                "The inputs must be probabilities of shape (batch, num_classes) with "
                f"2 classes or more. Received shape: {tuple(input_shape)}"
            )
        if self.class_counts is not None and len(self.class_counts) != classes:
            raise ValueError(
                f"`class_counts` must hold one number for each of the {classes} "
                f"classes. Received: {len(self.class_counts)} numbers."
            )
        self.thresholds = self.add_weight(
            name="thresholds",
            shape=(classes,),
            initializer=keras.initializers.Constant(ALWAYS),
            dtype="float32",
            trainable=False,
            autocast=False,
        )

    def call(self, inputs):
        """Returns which classes are in the set of each sample."""
        return self.scores(ops.cast(inputs, "float32")) <= self.thresholds

    def scores(self, probabilities):
        """Returns how unlikely each class is, shape `(batch, num_classes)`.

        They are the published scores less 1, so that float32 tells apart even those
        of a model that is sure to seven digits.

        Args:
            probabilities: float32, shape `(batch, num_classes)`.
        """
        if self.score == "thr":
            return -probabilities
        order = ops.argsort(probabilities, axis=-1)
        place = ops.argsort(order, axis=-1)
        ordered = ops.take_along_axis(probabilities, order, axis=-1)
        after = ops.pad(ops.cumsum(ordered, axis=-1)[:, :-1], [[0, 0], [1, 0]])
        less_likely = ops.take_along_axis(after, place, axis=-1)
        if self.score == "aps":
            return -less_likely
        rank = float(probabilities.shape[-1]) - ops.cast(place, "float32")
        beyond = ops.maximum(rank - float(self.free_ranks), 0.0)
        return self.rank_penalty * beyond - less_likely

    def fit(self, y_true, probabilities):
        """Sets the thresholds from validation predictions.

        Args:
            y_true: Class ids, shape `(n,)` or `(n, 1)`, or one-hot rows. The samples
                must be exchangeable with those to come, and no part of training.
            probabilities: Shape `(n, num_classes)`.

        Returns:
            The layer.

        Raises:
            ValueError: If the labels or the probabilities are not what they must be.
        """
        values = as_scores("probabilities", ops.convert_to_numpy(probabilities))
        if not are_probabilities(values):
            raise ValueError(
                "`probabilities` must lie in [0, 1], in rows of sum 1. Received values "
                f"from {values.min():g} to {values.max():g}. Apply softmax to logits."
            )
        if not self.built:
            self.build(values.shape)
            self.built = True
        labels = as_class_ids(y_true, *values.shape)
        scores = ops.convert_to_numpy(
            self.scores(ops.convert_to_tensor(values.astype("float32")))
        )
        of_label = scores[np.arange(len(labels)), labels]
        thresholds = np.full(values.shape[1], ALWAYS, "float32")
        too_few = []
        for members in self._conditions(values.shape[1]):
            chosen = of_label[members[labels]]
            found = conformal_threshold(chosen, self.coverage)
            if found is None:
                too_few.extend(np.flatnonzero(members).tolist())
            else:
                thresholds[members] = found
        if too_few:
            warnings.warn(
                f"Coverage {self.coverage:g} needs {fewest_samples(self.coverage)} "
                "validation samples; these classes have too few and are in every set: "
                f"{too_few}.",
                UserWarning,
                stacklevel=2,
            )
        self.thresholds.assign(thresholds)
        return self

    def attach(self, model):
        """Returns a model of the probabilities of `model` and their sets.

        Args:
            model: A built model that returns probabilities, `(batch, num_classes)`.

        Returns:
            A model whose output is a mapping of `"probabilities"`, shape
            `(batch, num_classes)`, and `"prediction_set"`, booleans of that shape.
        """
        if returns_logits(model):
            raise ValueError("`model` must return probabilities. It returns logits.")
        return attached_model(
            model, lambda p: {"probabilities": p, "prediction_set": self(p)}, self.name
        )

    def compute_output_spec(self, inputs):
        """Returns booleans of the shape of the inputs."""
        return keras.KerasTensor(inputs.shape, dtype="bool")

    def compute_output_shape(self, input_shape):
        """Returns the shape of the inputs."""
        return input_shape

    def get_config(self):
        """Returns the constructor's arguments."""
        counts = self.class_counts
        return {
            **super().get_config(),
            "coverage": self.coverage,
            "score": self.score,
            "condition": self.condition,
            "class_counts": None if counts is None else list(counts),
            "groups": self.groups,
            "rank_penalty": self.rank_penalty,
            "free_ranks": self.free_ranks,
        }

    def _conditions(self, classes):
        if self.condition == "class":
            return list(np.eye(classes, dtype=bool))
        if self.condition == "group":
            return list(filled_groups(self.class_counts, self.groups).values())
        return [np.ones(classes, bool)]
