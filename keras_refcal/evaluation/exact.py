"""Every figure of a set of predictions, exactly."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from keras_refcal.evaluation.bootstrap import percentile_interval
from keras_refcal.evaluation.conventions import as_convention
from keras_refcal.evaluation.scores import SCORES, Judged, Settings, group_scores
from keras_refcal.evaluation.several_labels import as_label_predictions, mean_of_labels
from keras_refcal.ops.bins import uniform_edges
from keras_refcal.ops.class_groups import shot_groups, third_groups
from keras_refcal.predictions import as_class_counts, as_predictions


def evaluate(
    y_true: ArrayLike,
    probabilities: ArrayLike | None = None,
    *,
    logits: ArrayLike | None = None,
    class_counts: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    classes: Any = None,
    multi_label: bool = False,
    ignore_class: int | None = None,
    num_bins: int = 15,
    threshold: float = 0.01,
    convention: Any = "guo",
    scores: Any = None,
    bootstrap: int = 0,
    confidence_level: float = 0.95,
    seed: int = 0,
) -> dict[str, float | dict]:
    """Returns every figure of a classifier's predictions, computed exactly.

    Shares and errors are fractions, not percent. A figure that the data do not
    define is NaN: ranking figures when only one class, or only right or only wrong
    answers, occur; `ace` and `tace` with fewer samples than bins; `ece_quantile` of
    a single sample; the figures of a group that has no sample.

    Binned errors are biased upwards on few samples. Resampling adds that bias once
    more, so their bootstrap intervals lie high and may miss the estimate itself. In
    small groups go by `rmsce_debiased`, which is nearly free of it.

    Ranking and accuracy:

    - `accuracy`: share of samples whose largest probability is the label's.
    - `refinement`: macro AUROC, each class against each (OVO), RefCal's measure;
      classes without a sample are left out, see `multiclass_auroc`.
    - `auroc_ovr`: macro AUROC, each class against the rest.

    Calibration of the predicted class:

    - `ece`, `mce`, `rmsce`: mean, maximum and root mean square over bins of
      |mean confidence - accuracy|; `average_calibration_error`: the mean over
      non-empty bins, unweighted.
    - `ece_debiased`: `ece` less what chance adds to it on few samples.
    - `rmsce_debiased`: `rmsce` less its sampling bias (Kumar et al. 2019).
    - `overconfidence_error`: confidence times the gap where it is above 0.
    - `ece_quantile`: `ece` over bins of equally many samples.
    - `smece`: smooth calibration error, by a kernel in place of bins.

    - `kuiper`, `kolmogorov_smirnov`: the largest miscalibration of an interval of
      confidences, or of all below one, times the share of samples in it, without bins;
      `kuiper_p_value`, `kolmogorov_smirnov_p_value`: how probable one as large is if
      the model is calibrated. `calibration_test` gives a p-value of other errors.

    Calibration of every class at once:

    - `proper_calibration_error`: mean Euclidean distance of the probabilities to what
      they should be, as far as a temperature across folds finds it, see there.

    Calibration of every class, the mean over classes:

    - `classwise_ece`: bins of equal width, also called SCE.
    - `ace`, `tace`: bins of equally many samples; `tace` reads probabilities below
      `threshold` as 0.

    Proper scores and their parts:

    - `brier` (0 to 2) is `brier_calibration` plus `brier_refinement`, and `nll` (nats)
      `nll_calibration` plus `nll_refinement`: what a temperature saves, and the loss
      that it leaves. Each fifth of the samples is judged with the temperature of the
      others, so that a calibration part may be a little below 0, and a single sample
      has none.
    - `brier_refinement_in_sample`, `nll_refinement_in_sample`: what the best
      `temperature` of all samples leaves of them.
    - `brier_calibration_binned`, `brier_refinement_binned`: the mean squared gap of
      classwise bins, and the rest, as `metrics.BrierScore` divides the score.

    Confidence as a score of being right (of logits their log-odds, which order samples
    still where softmax is rounded to 1, as for every figure of ranking):

    - `correctness_auroc`, `fpr_at_95_recall`, `aupr_success`, and `aupr_error` with
      wrong answers as positives.
    - `aurc`, `excess_aurc`, `augrc`: areas under risk-coverage curves.

    With `class_counts`, `accuracy_*` and `ece_*` of the samples of `many`, `medium`
    and `few`-shot classes and of the `head`, `middle` and `tail` thirds of the
    classes by size. With `bootstrap`, `*_low` and `*_high` of every figure.

    With `sample_weight` every figure is that of the weighted samples. `ace`, `tace` and
    `ece_quantile`, whose bins hold equally many rows, the cumulative tests and
    `proper_calibration_error` are NaN then, and bins count by their effective number of
    rows, (Σw)² / Σw², where their bias is taken off. With `groups`
    an entry `"groups"` holds the same figures of each value. With `multi_label` every
    figure is the mean, over the labels for which it is defined, of that of two classes,
    and an entry `"labels"` holds those of each label.

    Args:
        y_true: Class ids, shape `(n,)` or `(n, 1)`, or one-hot rows `(n, K)`.
        probabilities: Rows that sum to 1, shape `(n, K)`; for two classes also the
            probability of class 1, shape `(n,)` or `(n, 1)`. Pixels and tokens,
            `(b, ..., K)`, are so many samples; labels, weights and groups then have
            their leading shape.
        logits: In place of `probabilities`, the same shapes.
        class_counts: Training samples of each class, shape `(K,)`. Many-shot is more
            than 100, few-shot fewer than 20.
        sample_weight: Finite numbers of 0 or more, shape `(n,)`; their scale does not
            matter. Weight 0 equals absence.
        groups: A value for each sample, shape `(n,)`: a site, a sex, a month.
        classes: Names of the columns, among which labels then are.
        multi_label: Whether `y_true` holds a 0 or 1 for each of K labels, `(n, K)`, and
            `probabilities` independent ones.
        ignore_class: Label of the samples to leave out, or `None`.
        num_bins: Number of bins of the binned figures.
        threshold: Probabilities below this are read as 0 by `tace`.
        convention: What published code disagrees on: a `Convention`, or `"guo"`,
            `"netcal"`, `"torchmetrics"`, `"fmfp"`, `"fd_shifts"`.
        scores: Names to compute, in this order; `None` for all.
        bootstrap: Number of bootstrap replicates (rows drawn with replacement). Each
            costs as much as the figures themselves: those of all classes are dear,
            those of the predicted class cheap, see `scores`.
        confidence_level: Level of the percentile intervals.
        seed: Seed of the bootstrap.

    Raises:
        ValueError: For an empty input, wrong shapes, NaN or infinity, values that
            are no probabilities (logits, say), rows that do not sum to 1, labels
            outside `0 .. K - 1`, or an unknown name.

    >>> scores = evaluate([1, 0, 1], [[0.1, 0.9], [0.4, 0.6], [0.3, 0.7]])
    >>> round(scores["accuracy"], 4), round(scores["ece"], 4)
    (0.6667, 0.3333)
    """
    _check_bootstrap(bootstrap, confidence_level)
    uniform_edges(num_bins)
    read = as_label_predictions if multi_label else as_predictions
    given = read(
        y_true,
        probabilities,
        logits,
        sample_weight=sample_weight,
        groups=groups,
        classes=classes,
        ignore_class=ignore_class,
    )
    if not 0 <= threshold <= 1:
        raise ValueError(f"`threshold` must lie in [0, 1]. Received: {threshold!r}")
    if multi_label and class_counts is not None:
        raise ValueError(
            "`class_counts` have no meaning with `multi_label=True`, where a sample is "
            "of no one class."
        )
    first = next(iter(given.values())) if multi_label else given
    judge = _Judge(
        _table(scores, class_counts, first.num_classes),
        Settings(num_bins, threshold, as_convention(convention)),
        (bootstrap, confidence_level, seed),
    )
    results = judge.results(given)
    if groups is not None:
        labels = given.values() if multi_label else [given]
        names = np.unique(np.concatenate([one.groups for one in labels]))
        results["groups"] = {
            name.item(): judge.results(_of_group(given, name)) for name in names
        }
    return results


class _Judge:
    """Computes a table of figures, and their intervals, of some predictions."""

    def __init__(self, table, settings, resampling):
        self.table, self.settings = table, settings
        self.bootstrap, self.level, self.seed = resampling

    def results(self, given):
        """Returns the figures, of a mapping of labels their means and each label's."""
        if not isinstance(given, dict):
            return self._with_intervals(*self._values(given))
        of_labels = {name: self._values(one) for name, one in given.items()}
        means = (mean_of_labels(part) for part in zip(*of_labels.values(), strict=True))
        results = self._with_intervals(*means)
        labels = {name: self._with_intervals(*x) for name, x in of_labels.items()}
        return {**results, "labels": labels}

    def _values(self, predictions):
        """Returns the figures, `(figures,)`, and their replicates, `(B, figures)`."""
        judged = Judged(predictions, self.settings)
        generator, size = np.random.default_rng(self.seed), predictions.num_samples
        replicates = [
            self._scores(
                Judged(predictions, self.settings, generator.integers(size, size=size))
            )
            for _ in range(self.bootstrap)
        ]
        shape = (self.bootstrap, len(self.table))
        return self._scores(judged), np.reshape(replicates, shape)

    def _scores(self, judged):
        return np.array([float(score(judged)) for score in self.table.values()])

    def _with_intervals(self, values, replicates):
        results = dict(zip(self.table, values.tolist(), strict=True))
        for name, column in zip(self.table, replicates.T, strict=True):
            if self.bootstrap:
                low, high = percentile_interval(column, self.level)
                results |= {f"{name}_low": low, f"{name}_high": high}
        return results


def _of_group(given, name):
    """Returns the predictions of a group; of several labels those that have some."""
    if not isinstance(given, dict):
        return given.take(given.groups == name)
    members = {label: one.groups == name for label, one in given.items()}
    return {k: given[k].take(rows) for k, rows in members.items() if rows.any()}


def _table(names, class_counts, num_classes):
    table = dict(SCORES)
    if class_counts is not None:
        class_counts = as_class_counts(class_counts, num_classes)
        table |= group_scores(shot_groups(class_counts))
        table |= group_scores(third_groups(class_counts))
    if names is None:
        return table
    names = [names] if isinstance(names, str) else list(names)
    if unknown := [name for name in names if name not in table]:
        raise ValueError(
            f"`scores` must be among {sorted(table)} (those of groups need "
            f"`class_counts`). Received: {unknown}"
        )
    return {name: table[name] for name in names}


def _check_bootstrap(bootstrap, level):
    if not isinstance(bootstrap, int | np.integer) or bootstrap < 0:
        raise ValueError(
            f"`bootstrap` must be a whole number of 0 or more. Received: {bootstrap!r}"
        )
    if not 0 < level < 1:
        raise ValueError(f"`confidence_level` must lie in (0, 1). Received: {level!r}")
