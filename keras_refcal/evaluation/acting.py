"""What thresholds and sets, chosen on validation predictions, do on others."""

import dataclasses

import numpy as np

from keras_refcal.fitting.class_clusters import conditions_of_clusters
from keras_refcal.fitting.conformal import conformal_scores, conformal_threshold
from keras_refcal.fitting.thresholds import risk_threshold
from keras_refcal.ops.class_groups import disjoint_groups


@dataclasses.dataclass(frozen=True)
class SelectiveResult:
    """A threshold that keeps a risk, and what it did.

    Attributes:
        threshold: Least confidence that is answered; `None` if none keeps the risk.
        coverage: Share of the test samples that is answered.
        risk: Share of errors among them; NaN if there are none.
    """

    threshold: float | None
    coverage: float
    risk: float


@dataclasses.dataclass(frozen=True)
class SetsResult:
    """Prediction sets of the test samples.

    Attributes:
        name: How they were made.
        labels: Class ids, shape `(n,)`.
        covered: Whether the set holds the label, booleans of shape `(n,)`.
        sizes: Classes in the set, shape `(n,)`.
    """

    name: str
    labels: np.ndarray
    covered: np.ndarray
    sizes: np.ndarray

    @property
    def empty(self) -> np.ndarray:
        """Whether the set holds no class, booleans of shape `(n,)`."""
        return self.sizes == 0

    def coverage_gap(self, coverage, rows) -> float:
        """Returns the mean over classes of |coverage of the class - coverage|.

        A class of few samples has a gap by chance alone, of about 0.034 where 50 are
        covered for 0.9.

        Args:
            coverage: What was asked for.
            rows: Which samples to look at, booleans of shape `(n,)`.
        """
        labels, covered = self.labels[rows], self.covered[rows]
        count = np.bincount(labels)
        of_class = np.bincount(labels, covered)[count > 0] / count[count > 0]
        return float(np.mean(np.abs(of_class - coverage)))


def selective_result(validation, test, target_risk, failure=0.05) -> SelectiveResult:
    """Chooses the threshold on validation predictions and applies it to others.

    Args:
        validation: `Predictions` that the classifier was not trained on.
        test: `Predictions` to answer or abstain from.
        target_risk: Number in (0, 1), share of errors among answered samples.
        failure: Probability that the risk is exceeded all the same.
    """
    threshold = risk_threshold(
        validation.confidence,
        validation.correct,
        target_risk,
        failure,
        validation.num_classes,
    )
    if threshold is None:
        return SelectiveResult(None, 0.0, np.nan)
    answered = np.asarray(test.confidence, "float32") >= np.float32(threshold)
    if not answered.any():
        return SelectiveResult(threshold, 0.0, np.nan)
    wrong = np.mean(~test.correct[answered])
    return SelectiveResult(threshold, float(answered.mean()), float(wrong))


def sets_results(validation, test, coverage, class_counts=None) -> list[SetsResult]:
    """Makes conformal sets of every kind, as the layer does by default.

    Args:
        validation: `Predictions` that the classifier was not trained on.
        test: `Predictions` to make sets of.
        coverage: Number in (0, 1).
        class_counts: Training samples of each class; adds sets whose coverage holds
            in the largest, middle and smallest third of the classes.
    """
    kinds = {"THR": "thr", "APS": "aps", "RAPS": "raps"}
    if class_counts is not None:
        kinds |= {"PAS": "pas", "THR by third": "thr"}
    kinds |= {"THR by cluster": "thr", "THR by class": "thr"}
    return [
        _sets(validation, test, coverage, name, score, class_counts)
        for name, score in kinds.items()
    ]


def named_groups(labels, class_counts) -> dict[str, np.ndarray]:
    """Returns which samples are of all classes, and of thirds of them by size.

    Args:
        labels: Class ids, shape `(n,)`.
        class_counts: Training samples of each class, or `None` for all classes alone.
    """
    groups = {"All": np.ones(len(labels), bool)}
    if class_counts is not None:
        for name, members in disjoint_groups(class_counts, "thirds").items():
            if members[labels].any():
                groups[name.capitalize()] = members[labels]
    return groups


def _sets(validation, test, coverage, name, score, class_counts):
    known = conformal_scores(validation.probabilities, score, class_counts=class_counts)
    of_label = known[np.arange(len(known)), validation.labels]
    thresholds = np.full(test.num_classes, np.inf)
    for members, rows in _conditions(
        name, of_label, validation, coverage, class_counts
    ):
        found = conformal_threshold(of_label[rows], coverage)
        if found is not None:
            thresholds[members] = found
    new = conformal_scores(test.probabilities, score, class_counts=class_counts)
    inside = new <= thresholds
    covered = inside[np.arange(len(inside)), test.labels]
    return SetsResult(name, test.labels, covered, inside.sum(axis=1))


def _conditions(name, of_label, validation, coverage, class_counts):
    """Returns classes that share a threshold, and the samples that set it."""
    labels, classes = validation.labels, validation.num_classes
    if name == "THR by cluster":
        return conditions_of_clusters(of_label, labels, classes, coverage)
    conditions = [np.ones(classes, bool)]
    if name == "THR by class":
        conditions = np.eye(classes, dtype=bool)
    if name == "THR by third":
        conditions = disjoint_groups(class_counts, "thirds").values()
    return [(members, members[labels]) for members in conditions]
