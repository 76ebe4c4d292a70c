"""Area under the ROC curve of several classes."""

from typing import Any

from keras import ops

from keras_refcal.metrics.base import ClassifierMetric
from keras_refcal.metrics.counters import FineClassBins, PairBins
from keras_refcal.ops import ranking
from keras_refcal.registration import serializable
from keras_refcal.types import Tensor
from keras_refcal.validation import check_choice


@serializable
class MulticlassAUROC(ClassifierMetric):
    """Area under the ROC curve, the mean over classes or over pairs of classes.

    Range [0, 1], 0.5 for scores that say nothing. NaN unless two classes have samples;
    classes without samples are left out, the scores of the others staying as they
    are (`evaluation.multiclass_auroc(renormalize=False)`). Of two classes, the second
    one's score is ranked.

    Scores are counted in fine bins and those of one bin taken for ties, so the
    figure is within `distance_bound()` of the exact one: half the share of the pairs
    that meet in a bin. `multi_class="ovo"` keeps a histogram for each label and class:
    for 2, 10, 100 and 1000 classes 4096, 512, 64 and 16 bins, 0.1, 0.4, 5 and 128 MB of
    state; for 1000 classes compute it in `evaluate`, or exactly with
    `evaluation.multiclass_auroc`. `"ovr"` keeps 4096 bins for each of up to 16 classes,
    and 512 for each of 128 or more, 12 MB for 1000 classes.

    Args:
        multi_class: `"ovo"`, each class against each, the measure of Hand and Till;
            `"ovr"`, each class against the rest.
        resolution: Number of fine bins; `None` chooses as above.
        name: Optional name of the metric.
        **kwargs: `from_logits`, `num_classes`, `ignore_class`, `multi_label`, `dtype`;
            see `ClassifierMetric`.

    Raises:
        ValueError: For an unknown name, or fewer bins than two.

    Reference:
        [Hand and Till, 2001](https://doi.org/10.1023/A:1010920819831).

    Example:

    >>> import numpy as np
    >>> from keras_refcal.metrics import MulticlassAUROC
    >>> metric = MulticlassAUROC(multi_class="ovr")
    >>> metric.update_state(
    ...     np.array([0, 1, 2]),
    ...     np.array([[0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.4, 0.3, 0.3]]),
    ... )
    >>> round(float(metric.result()), 4)
    0.9167
    """

    distance = "`distance_bound()`"

    def __init__(
        self,
        multi_class: str = "ovo",
        resolution: int | None = None,
        name: str | None = "multiclass_auroc",
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        check_choice("multi_class", multi_class, ("ovo", "ovr"))
        if resolution is not None and (
            not isinstance(resolution, int) or resolution < 2
        ):
            raise ValueError(
                "`resolution` must be None or an integer >= 2. "
                f"Received: {resolution!r}"
            )
        self.multi_class = multi_class
        self.resolution = resolution
        if multi_class == "ovo":
            self.count(bins=PairBins(resolution))
        else:
            self.count(bins=FineClassBins(resolution))

    def score(self, bins: Tensor) -> Any:
        """Returns the mean area."""
        return self._mean(ranking.binary_auroc, bins)

    def bound(self, bins: Tensor) -> Any:
        """Returns half the share of the pairs that meet in a fine bin."""
        return self._mean(ranking.tied_pairs, bins) / 2

    def _mean(self, statistic, bins):
        if self.multi_class == "ovo":
            return ranking.one_vs_one(statistic, bins)
        weight, _, events = ops.unstack(bins)
        return ranking.one_vs_rest(statistic, events, weight)
