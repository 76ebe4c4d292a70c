"""Conformal prediction sets as a layer."""

import warnings
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_refcal.decisions.heads import (
    check_classes,
    check_model,
    checked_probabilities,
    num_classes_of,
    two_columns,
)
from keras_refcal.fitting.class_clusters import conditions_of_clusters
from keras_refcal.fitting.conformal import (
    OF_TOP_CLASS,
    class_shares,
    conformal_threshold,
    coverage_to_expect,
    fewest_samples,
    may_be_empty,
    share_of_ties,
)
from keras_refcal.layers.calibrators.attaching import attached_model
from keras_refcal.ops.class_groups import checked_groups, disjoint_groups
from keras_refcal.ops.predicted_class import predicted_class
from keras_refcal.predictions import as_class_ids
from keras_refcal.predictions.rows import given_rows
from keras_refcal.registration import Configured, serializable
from keras_refcal.types import Tensor
from keras_refcal.validation import (
    check_choice,
    check_class_counts,
    check_in_range,
    check_integer,
    check_non_negative,
    check_positive,
    check_share,
)

SCORES = ("thr", "pas", "aps", "raps")
CONDITIONS = (None, "class", "cluster", "group")
# Above every score: a class with this threshold is in every set.
ALWAYS = 1e9
# Share of validation samples whose scores are those of others: more is no accident.
MOST_TIES = 0.01


@serializable
class ConformalSets(Configured, keras.layers.Layer):
    """Returns for each sample a set of classes that holds the true one.

    After `fit` on n validation samples, a new sample from the same distribution has
    its class in its set with a probability of at least `coverage`, whatever the model,
    on average over validation sets; with continuous scores, of at most
    `coverage + 1 / (n + 1)`. `condition` makes this hold within each class or group of
    classes, which the tail needs: on average over all samples it may be left out.

    Before `fit` every class is in every set. Sets of `"aps"` and `"raps"` always hold
    the class of greatest probability, others can be empty: see `allow_empty`.
    Where the classifier is right more often than `coverage`, sets that hold it cover
    as often as the classifier is right.

    Args:
        coverage: Number in (0, 1).
        score: How unlikely a class is. `"thr"`: 1 minus its probability (smallest
            sets). `"pas"`: minus its probability over its share of `class_counts`
            (smallest sets for coverage that is the mean over classes). `"aps"`: the
            probability of all classes down to it, itself included, without
            randomisation (sets that adapt to difficulty).
            `"raps"`: the same plus `rank_penalty` for each rank beyond `free_ranks`.
        condition: `None` for coverage over all samples, `"class"` within every class,
            `"group"` within groups of classes. A class or group with too few
            validation samples for the coverage is in every set, with a warning.
            `"cluster"` within clusters of classes whose scores are spread alike, found
            on a part of the validation samples; classes of too few samples then have
            the threshold of all.
        class_counts: Training samples of each class, for `condition="group"` and
            `score="pas"`.
        groups: `"shots"` for classes of more than 100, 20 to 100 and fewer than 20
            training samples, `"thirds"` for the largest, middle and smallest third,
            or a mapping of names to class ids, with all others in one group more.
        rank_penalty: Number of 0 or more.
        free_ranks: Whole number of 0 or more.
        allow_empty: Whether the class of greatest probability may be left out, as in
            the published scores; sets can then be empty, those of `"aps"` where the
            model is surest. If not, thresholds are chosen for sets that hold it, so
            that coverage stays exact. `None` allows it for `"thr"` and `"pas"`.
        interpolation: Share in (0, 1] of the thresholds of `condition`, the rest being
            that of all samples: 1 trusts few samples of a class, 0.5 half. A class of
            too few samples has the largest score as its own. The coverage that is
            asked for is then only aimed at.
        clusters: Number of clusters for `condition="cluster"`; `None` for the
            published rule.
        **kwargs: `name`, `dtype` of `keras.layers.Layer`.

    Call arguments:
        inputs: Probabilities, shape `(batch, num_classes)`; for two classes also
            `(batch,)` or `(batch, 1)`, the probability of class 1. Pixels and tokens,
            `(batch, ..., num_classes)`, have a set each.

    Returns:
        Which classes are in the set, booleans of shape `(batch, num_classes)`: for
        one column `(batch, 2)`, class 0 and class 1. Leading axes are kept.

    Raises:
        ValueError: If an argument is not as above, or inputs have other classes than
            those that the layer was fitted on.

    Reference:
        [Sadinle et al., 2019](https://arxiv.org/abs/1609.00451) (THR);
        [Romano et al., 2020](https://arxiv.org/abs/2006.02544) (APS);
        [Angelopoulos et al., 2021](https://arxiv.org/abs/2009.14193) (RAPS);
        [Ding et al., 2023](https://arxiv.org/abs/2306.09335) (clusters);
        [Ding et al., 2025](https://arxiv.org/abs/2507.06867) (PAS, interpolation).

    Example:

    >>> import numpy as np
    >>> from keras_refcal.decisions import ConformalSets
    >>> sure = np.linspace(0.5, 0.6, 10)
    >>> p = np.stack([sure, 0.9 - sure, np.full(10, 0.1)], axis=1)
    >>> sets = ConformalSets(coverage=0.8).fit([0] * 6 + [1] * 4, p)
    >>> np.asarray(sets(p[:1])).tolist()
    [[True, True, False]]
    """

    def __init__(
        self,
        coverage: float = 0.9,
        score: str = "thr",
        condition: str | None = None,
        class_counts: Tensor | None = None,
        groups: str | Mapping = "shots",
        rank_penalty: float = 0.01,
        free_ranks: int = 5,
        allow_empty: bool | None = None,
        interpolation: float = 1.0,
        clusters: Any = None,
        **kwargs: Any,
    ):
        super().__init__(autocast=False, **kwargs)
        check_share("coverage", coverage)
        check_choice("score", score, SCORES)
        check_choice("condition", condition, CONDITIONS)
        check_non_negative("rank_penalty", rank_penalty)
        check_integer("free_ranks", free_ranks, 0)
        if allow_empty not in (None, True, False):
            raise ValueError(
                f"`allow_empty` must be True, False or None. Received: {allow_empty!r}"
            )
        check_positive("interpolation", interpolation)
        check_in_range("interpolation", interpolation, 0, 1)
        if clusters is not None:
            check_integer("clusters", clusters, 1)
        needs_counts = condition == "group" or score == "pas"
        if needs_counts != (class_counts is not None):
            raise ValueError(
                "`class_counts` belong to `condition='group'` and `score='pas'`. "
                f"Received: condition={condition!r}, score={score!r}, "
                f"class_counts={class_counts!r}"
            )
        self.coverage = coverage
        self.score = score
        self.condition = condition
        self.class_counts = (
            None if class_counts is None else check_class_counts(class_counts)
        )
        self.groups = checked_groups(groups, disjoint=True)
        self.rank_penalty = rank_penalty
        self.free_ranks = free_ranks
        self.allow_empty = allow_empty
        self.interpolation = interpolation
        self.clusters = clusters

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Creates the thresholds, which let every class in."""
        self.num_classes = num_classes_of(input_shape)
        counts = self.class_counts
        if counts is not None and len(counts) != self.num_classes:
            raise ValueError(
                f"`class_counts` must hold one number for each of the "
                f"{self.num_classes} classes. Received: {len(counts)} numbers."
            )
        self.thresholds = self.add_weight(
            name="thresholds",
            shape=(self.num_classes,),
            initializer=keras.initializers.Constant(ALWAYS),
            dtype="float32",
            trainable=False,
            autocast=False,
        )

    def call(self, inputs: Tensor) -> Any:
        """Returns which classes are in the set of each sample."""
        check_classes(inputs.shape, self.num_classes)
        probabilities = two_columns(ops.cast(inputs, "float32"))
        if len(probabilities.shape) == 2:
            return self.scores(probabilities) <= self.thresholds
        rows = ops.reshape(probabilities, (-1, self.num_classes))
        sets = self.scores(rows) <= self.thresholds
        return ops.reshape(sets, ops.shape(probabilities))

    def scores(self, probabilities: Tensor) -> Any:
        """Returns how unlikely each class is, shape `(batch, num_classes)`.

        They are the published scores less 1, so that float32 tells apart even those
        of a model that is sure to seven digits; and below all others for the class
        of greatest probability where it must not be left out.

        Args:
            probabilities: float32, shape `(batch, num_classes)`.
        """
        scores = self._published_scores(probabilities)
        if may_be_empty(self.score, self.allow_empty):
            return scores
        classes = ops.arange(0, probabilities.shape[1], 1, dtype="int32")
        is_top = predicted_class(probabilities)[:, None] == classes
        return ops.where(is_top, OF_TOP_CLASS, scores)

    def fit(
        self,
        y_true: Tensor,
        probabilities: Tensor,
        sample_weight: Tensor | None = None,
        ignore_class: int | None = None,
    ) -> Any:
        """Sets the thresholds from validation predictions.

        Pixels of one image are not independent: the coverage of their sets is that
        of pixels of many images, as many as possible of which should be given.

        Args:
            y_true: Class ids, shape `(n,)` or `(n, 1)`, or one-hot rows. The samples
                must be exchangeable with those to come, and no part of training.
            probabilities: Shape `(n, num_classes)`; for two classes also `(n,)` or
                `(n, 1)`, the probability of class 1. Or pixels and tokens,
                `(n, ..., num_classes)`, with labels of the leading shape.
            sample_weight: Numbers of 0 or more, of the shape of class ids: how much
                likelier each sample is among those to come, up to a factor. Coverage
                then holds for new samples of any weight up to the largest
                ([Tibshirani et al., 2019](https://arxiv.org/abs/1904.06019)). Weight
                0 equals absence.
            ignore_class: Label of the samples to leave out, or `None`.

        Returns:
            The layer. A `UserWarning` says where a class has too few samples, and
            where tied scores, as those of one-hot rows are, make sets larger.

        Raises:
            ValueError: If the labels or the probabilities are not what they must be.
        """
        given = given_rows(
            y_true,
            "probabilities",
            ops.convert_to_numpy(probabilities),
            sample_weight,
            ignore_class=ignore_class,
        )
        values = checked_probabilities(given.outputs)
        labels = as_class_ids(given.labels, *values.shape)
        weight = given.weights
        if not self.built:
            self.build((None, values.shape[1]))
            self.built = True
        check_classes(values.shape, self.num_classes)
        scores = ops.convert_to_numpy(self.scores(ops.convert_to_tensor(values)))
        samples = np.arange(len(labels))
        of_label, p_of_label = scores[samples, labels], values[samples, labels]
        thresholds = np.full(self.num_classes, ALWAYS, "float32")
        too_few, tied, covered = [], 0.0, 0.0
        for members, rows in self._conditions(of_label, labels):
            share = members[labels].mean()
            of_rows = None if weight is None else weight[rows]
            found = conformal_threshold(of_label[rows], self.coverage, of_rows)
            if found is None:
                too_few.extend(np.flatnonzero(members).tolist())
                covered += share
                continue
            thresholds[members] = found
            tied += share * share_of_ties(of_label[rows], p_of_label[rows], found)
            covered += share * coverage_to_expect(of_label[rows], found)
        self.thresholds.assign(self._interpolated(thresholds, of_label, scores, weight))
        self._warn(too_few, tied, covered)
        return self

    def attach(self, model: keras.Model) -> Any:
        """Returns a model of the probabilities of `model` and their sets.

        Args:
            model: A built model that returns probabilities, `(batch, num_classes)`,
                or `(batch, 1)` for two classes; or `(batch, ..., num_classes)`.

        Returns:
            A model whose output is a mapping of `"probabilities"`, what `model`
            returns, and `"prediction_set"`, booleans of shape `(batch, num_classes)`.

        Raises:
            ValueError: If `model` returns something else, or other classes than those
                that the layer was fitted on.
        """

        def with_sets(probabilities):
            check_model(model, probabilities.shape, type(self).__name__)
            sets = self(probabilities)
            return {"probabilities": probabilities, "prediction_set": sets}

        return attached_model(model, with_sets, self.name)

    def compute_output_spec(self, inputs: Tensor) -> Any:
        """Returns booleans, one for each class."""
        return keras.KerasTensor(self.compute_output_shape(inputs.shape), dtype="bool")

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        """Returns `(batch, ..., num_classes)`."""
        if self.built:
            check_classes(input_shape, self.num_classes)
        leading = tuple(input_shape[:-1]) or tuple(input_shape)
        return (*leading, num_classes_of(input_shape))

    def _conditions(self, of_label, labels):
        """Returns classes that share a threshold, and the samples that set it."""
        classes = self.num_classes
        if self.condition == "cluster":
            return conditions_of_clusters(
                of_label, labels, classes, self.coverage, self.clusters
            )
        conditions = [np.ones(classes, bool)]
        if self.condition == "class":
            conditions = np.eye(classes, dtype=bool)
        if self.condition == "group":
            conditions = disjoint_groups(self.class_counts, self.groups).values()
        return [(members, members[labels]) for members in conditions]

    def _interpolated(self, thresholds, of_label, scores, weight):
        """Returns thresholds between those of the condition and that of all samples."""
        of_all = conformal_threshold(of_label, self.coverage, weight)
        if self.interpolation == 1 or of_all is None:
            return thresholds
        published = scores[scores > OF_TOP_CLASS / 2]
        least, most = published.min(), published.max()
        own, of_all = (np.clip(x, least, most) for x in (thresholds, of_all))
        return self.interpolation * own + (1 - self.interpolation) * of_all

    def _published_scores(self, probabilities):
        if self.score == "thr":
            return -probabilities
        if self.score == "pas":
            return -probabilities / ops.convert_to_tensor(
                class_shares(self.class_counts)
            )
        # From the least likely up; of equal ones, as everywhere, the first is likelier.
        order = ops.flip(ops.argsort(-probabilities, axis=-1), axis=-1)
        place = ops.argsort(order, axis=-1)
        ordered = ops.take_along_axis(probabilities, order, axis=-1)
        after = ops.pad(ops.cumsum(ordered, axis=-1)[:, :-1], [[0, 0], [1, 0]])
        less_likely = ops.take_along_axis(after, place, axis=-1)
        if self.score == "aps":
            return -less_likely
        rank = float(probabilities.shape[-1]) - ops.cast(place, "float32")
        beyond = ops.maximum(rank - float(self.free_ranks), 0.0)
        return self.rank_penalty * beyond - less_likely

    def _warn(self, too_few, tied, covered):
        if too_few and self.interpolation == 1:
            warnings.warn(
                f"Coverage {self.coverage:g} needs {fewest_samples(self.coverage)} "
                "validation samples; these classes have too few and are in every set: "
                f"{too_few}.",
                UserWarning,
                stacklevel=3,
            )
        if tied > MOST_TIES:
            warnings.warn(
                f"{tied:.1%} of the validation samples have tied scores, equal to the "
                "threshold, as one-hot and saturated probabilities do. Ties are "
                "covered or left out together: expect a coverage of about "
                f"{covered:.3f} where {self.coverage:g} was asked for.",
                UserWarning,
                stacklevel=3,
            )
