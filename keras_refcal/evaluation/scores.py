"""The table of figures: what each name means, computed only when asked for."""

import dataclasses
import functools

import numpy as np

from keras_refcal.evaluation import (
    calibration,
    cumulative,
    proper_scores,
    refinement,
    selective,
)
from keras_refcal.evaluation.conventions import Convention
from keras_refcal.evaluation.proper_error import tempered_error
from keras_refcal.evaluation.ranking import ClassAreas, binary_auroc
from keras_refcal.evaluation.smooth import smooth_calibration_error
from keras_refcal.ops import calibration_error as errors
from keras_refcal.predictions import Predictions


@dataclasses.dataclass(frozen=True)
class Settings:
    """What the figures depend on beside the predictions."""

    num_bins: int = 15
    threshold: float = 0.01
    convention: Convention = dataclasses.field(default_factory=Convention)


class Judged:
    """Intermediate results that several figures share.

    Args:
        predictions: All predictions.
        settings: Bins and conventions.
        rows: Which rows to judge; repeated rows count repeatedly. `None` for all.
    """

    def __init__(self, predictions: Predictions, settings: Settings, rows=None):
        self._all = predictions
        self._rows = slice(None) if rows is None else rows
        self.settings = settings

    @functools.cached_property
    def predictions(self):
        """The judged rows with all their columns."""
        if isinstance(self._rows, slice):
            return self._all
        return self._all.take(self._rows)

    @functools.cached_property
    def labels(self):
        """Class ids of the judged rows."""
        return self._all.labels[self._rows]

    @functools.cached_property
    def confidence(self):
        """Largest probability of each row."""
        return self._all.confidence[self._rows]

    @functools.cached_property
    def ranking(self):
        """What orders rows by confidence."""
        return self._all.ranking_confidence[self._rows]

    @functools.cached_property
    def correct(self):
        """Whether the predicted class is the label."""
        return self._all.correct[self._rows]

    @functools.cached_property
    def weights(self):
        """Weights of the judged rows, `None` for 1 each."""
        weights = self._all.weights
        return None if weights is None else weights[self._rows]

    @functools.cached_property
    def log_label(self):
        """Log-probability of each label."""
        return self._all.log_label_probability[self._rows]

    @functools.cached_property
    def top(self):
        """Bin counters of the predicted class."""
        return calibration.top_label_counts(
            self.confidence,
            self.correct,
            self.settings.num_bins,
            self.settings.convention.bins,
            self.weights,
        )

    @functools.cached_property
    def top_rows(self):
        """Effective number of rows of each bin, `None` where weights are 1."""
        if self.weights is None:
            return None
        return calibration.effective_rows(
            self.confidence,
            self.weights,
            self.settings.num_bins,
            self.settings.convention.bins,
        )

    @functools.cached_property
    def classwise(self):
        """Bin counters of every class."""
        return calibration.classwise_counts(
            self.predictions, self.settings.num_bins, self.settings.convention.bins
        )

    @functools.cached_property
    def adaptive(self):
        """ACE and TACE, which share one sort."""
        if self.weights is not None:
            return np.nan, np.nan
        return calibration.adaptive_errors(
            self.predictions, self.settings.num_bins, (0.0, self.settings.threshold)
        )

    @functools.cached_property
    def areas(self):
        """AUROC of each class."""
        return ClassAreas.of(self.predictions, self.weights)

    @functools.cached_property
    def brier(self):
        """Brier score."""
        return proper_scores.brier_score(self.predictions)

    @functools.cached_property
    def brier_calibration_binned(self):
        """Calibration part of the Brier score over classwise bins."""
        return float(errors.brier_calibration(self.classwise, xp=np))

    @functools.cached_property
    def nll(self):
        """Negative log-likelihood."""
        clip = self.settings.convention.nll_clip
        return proper_scores.negative_log_likelihood(self.log_label, clip, self.weights)

    @functools.cached_property
    def in_sample(self):
        """Refinement in sample, and the temperature."""
        return refinement.in_sample_refinement(self.predictions)

    @functools.cached_property
    def cross_fit(self):
        """Temperatures across folds."""
        return refinement.CrossFit.of(self.predictions, start=self.in_sample[1])

    @functools.cached_property
    def cross_fitted(self):
        """Refinement across folds."""
        return self.cross_fit.refinement(self.predictions)


def _smece(judged):
    return smooth_calibration_error(judged.confidence, judged.correct, judged.weights)[
        0
    ]


def _ece_quantile(judged):
    if judged.weights is not None:
        return np.nan
    settings = judged.settings
    return calibration.equal_mass_error(
        judged.confidence,
        judged.correct,
        settings.num_bins,
        settings.convention.equal_mass,
    )


def _aupr_success(judged):
    method = judged.settings.convention.precision_recall
    return selective.precision_recall_area(
        judged.correct, judged.ranking, method, judged.weights
    )


def _aupr_error(judged):
    method = judged.settings.convention.precision_recall
    return selective.precision_recall_area(
        ~judged.correct, -judged.ranking, method, judged.weights
    )


def _fpr_at_recall(judged):
    rule = judged.settings.convention.false_positive_rate
    return selective.false_positive_rate_at_recall(
        judged.correct, judged.ranking, rule=rule, weights=judged.weights
    )


def _of_risk_coverage(area):
    def figure(judged):
        method = judged.settings.convention.risk_coverage
        return area(judged.ranking, judged.correct, method, judged.weights)

    return figure


def _proper_calibration_error(judged):
    if judged.weights is not None:
        return np.nan
    return tempered_error(judged.predictions, judged.cross_fit)


def _kuiper(judged):
    if judged.weights is not None:
        return np.nan, np.nan
    return cumulative.kuiper_test(judged.confidence, judged.correct)


def _kolmogorov_smirnov(judged):
    if judged.weights is not None:
        return np.nan, np.nan
    return cumulative.kolmogorov_smirnov_test(judged.confidence, judged.correct)


SCORES = {
    "accuracy": lambda j: np.average(j.correct, weights=j.weights),
    "refinement": lambda j: j.areas.average("ovo"),
    "auroc_ovr": lambda j: j.areas.average("ovr"),
    "ece": lambda j: errors.expected_error(j.top, xp=np),
    "ece_debiased": lambda j: calibration.debiased_expected_error(j.top, j.top_rows),
    "mce": lambda j: errors.maximum_error(j.top, xp=np),
    "rmsce": lambda j: errors.root_mean_squared_error(j.top, xp=np),
    "rmsce_debiased": lambda j: errors.debiased_error(j.top, j.top_rows, xp=np),
    "average_calibration_error": lambda j: errors.average_error(j.top, xp=np),
    "overconfidence_error": lambda j: errors.overconfidence_error(j.top, xp=np),
    "ece_quantile": _ece_quantile,
    "smece": _smece,
    "kuiper": lambda j: _kuiper(j)[0],
    "kuiper_p_value": lambda j: _kuiper(j)[1],
    "kolmogorov_smirnov": lambda j: _kolmogorov_smirnov(j)[0],
    "kolmogorov_smirnov_p_value": lambda j: _kolmogorov_smirnov(j)[1],
    "proper_calibration_error": _proper_calibration_error,
    "classwise_ece": lambda j: calibration.classwise_error(
        j.predictions, j.classwise, j.settings.convention.bins
    ),
    "ace": lambda j: j.adaptive[0],
    "tace": lambda j: j.adaptive[1],
    "brier": lambda j: j.brier,
    "brier_calibration": lambda j: j.brier - j.cross_fitted.brier,
    "brier_refinement": lambda j: j.cross_fitted.brier,
    "brier_refinement_in_sample": lambda j: j.in_sample[0].brier,
    "brier_calibration_binned": lambda j: j.brier_calibration_binned,
    "brier_refinement_binned": lambda j: j.brier - j.brier_calibration_binned,
    "nll": lambda j: j.nll,
    "nll_calibration": lambda j: j.nll - j.cross_fitted.nll,
    "nll_refinement": lambda j: j.cross_fitted.nll,
    "nll_refinement_in_sample": lambda j: j.in_sample[0].nll,
    "temperature": lambda j: j.in_sample[1],
    "correctness_auroc": lambda j: binary_auroc(j.correct, j.ranking, j.weights),
    "aupr_success": _aupr_success,
    "aupr_error": _aupr_error,
    "fpr_at_95_recall": _fpr_at_recall,
    "aurc": _of_risk_coverage(selective.risk_coverage_area),
    "excess_aurc": _of_risk_coverage(selective.excess_risk_coverage_area),
    "augrc": lambda j: selective.generalized_risk_coverage_area(
        j.ranking, j.correct, j.weights
    ),
}
GROUP_SCORES = ("accuracy", "ece")


def group_scores(groups):
    """Returns the figures of each group of classes, by name.

    Args:
        groups: Group name to booleans of shape `(num_classes,)`; a sample belongs to
            the group of its label.
    """
    return {
        f"{name}_{group}": functools.partial(_in_group, SCORES[name], members)
        for group, members in groups.items()
        for name in GROUP_SCORES
    }


def _in_group(figure, members, judged):
    inside = members[judged.labels]
    if not inside.any():
        return np.nan
    return figure(_Group(judged, inside))


class _Group:
    """Some rows of what is judged; enough for the figures of the predicted class."""

    def __init__(self, judged, inside):
        self.correct = judged.correct[inside]
        self.weights = None if judged.weights is None else judged.weights[inside]
        self.top = calibration.top_label_counts(
            judged.confidence[inside],
            self.correct,
            judged.settings.num_bins,
            judged.settings.convention.bins,
            self.weights,
        )
