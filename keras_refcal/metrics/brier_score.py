"""The Brier score, and what it is made of."""

from typing import Any

from keras_refcal.metrics.base import ClassifierMetric
from keras_refcal.metrics.counters import ClassBins, SquaredDistance
from keras_refcal.ops import calibration_error
from keras_refcal.ops.division import divide
from keras_refcal.registration import serializable
from keras_refcal.types import Tensor


@serializable
class BrierScore(ClassifierMetric):
    """Mean squared distance of the probabilities to the one-hot label.

    The sum over classes; range [0, 2]. NaN without samples. Equal to
    `evaluation.evaluate`'s figures up to float32 rounding.

    With `decomposition=True` the result is a mapping: the score; its calibration
    part, what it falls by when each bin of each class predicts that class's
    frequency in it; and its refinement part, the rest. The parts need bins of every
    class, 0.4 MB for 1000 classes.

    Args:
        decomposition: Whether the result is the mapping of `name`,
            `name + "_calibration"` and `name + "_refinement"`.
        num_bins: Number of bins of the decomposition.
        name: Optional name of the metric.
        **kwargs: `from_logits`, `num_classes`, `ignore_class`, `multi_label`, `dtype`;
            see `ClassifierMetric`.

    Raises:
        ValueError: For fewer bins than one.

    Reference:
        [Brier, 1950](https://doi.org/10.1175/1520-0493(1950)078%3C0001:VOFEIT%3E2.0.CO;2);
        [DeGroot and Fienberg, 1983](https://doi.org/10.2307/2987588).

    Example:

    >>> import numpy as np
    >>> from keras_refcal.metrics import BrierScore
    >>> metric = BrierScore()
    >>> metric.update_state(np.array([1, 0]), np.array([[0.1, 0.9], [0.4, 0.6]]))
    >>> round(float(metric.result()), 4)
    0.37
    """

    value_range = (0, 2)

    def __init__(
        self,
        decomposition: bool = False,
        num_bins: int = 15,
        name: str | None = "brier_score",
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        self.decomposition = decomposition
        self.num_bins = num_bins
        bins = {"bins": ClassBins(num_bins)} if decomposition else {}
        self.count(distance=SquaredDistance(), **bins)

    def score(self, distance: Tensor, bins: Tensor | None = None) -> Any:
        """Returns the score, or the mapping of score and parts."""
        score = divide(distance[1], distance[0])
        if not self.decomposition:
            return score
        bins = calibration_error.with_impossible_events(bins)
        part = calibration_error.brier_calibration(bins)
        return self._named(score, part, score - part)

    def undefined(self) -> Any:
        """Returns the result before any sample."""
        nan = super().undefined()
        return self._named(nan, nan, nan) if self.decomposition else nan

    def _named(self, score, calibration, refinement):
        return {
            self.name: score,
            f"{self.name}_calibration": calibration,
            f"{self.name}_refinement": refinement,
        }
