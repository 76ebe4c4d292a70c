"""What ranks samples by confidence: fine bins, their number, and no ties beyond."""

from typing import Any

from keras import ops

from keras_refcal.metrics.base import ClassifierMetric
from keras_refcal.metrics.counters import FineConfidence
from keras_refcal.types import Tensor

RESOLUTION = 4096


class ConfidenceRanking(ClassifierMetric):
    """A figure of confidence as a score of being right, from fine bins.

    Right answers are the positives. Confidences of one fine bin count as ties.

    Args:
        resolution: Number of fine bins.
        **kwargs: See `ClassifierMetric`.
    """

    distance = "`distance_bound()`"

    def __init__(self, resolution: int | None = RESOLUTION, **kwargs: Any):
        super().__init__(**kwargs)
        if not isinstance(resolution, int) or resolution < 2:
            raise ValueError(
                f"`resolution` must be an integer >= 2. Received: {resolution!r}"
            )
        self.resolution = resolution
        self.count(bins=FineConfidence(resolution))

    def score(self, bins: Tensor) -> Any:
        """Returns the figure."""
        weight, _, correct = ops.unstack(bins)
        return self.of_answers(weight, correct)

    def of_answers(self, weight: Tensor, correct: Any) -> Any:
        """Returns the figure of the weight and right answers of each fine bin."""
        raise NotImplementedError

    def bound(self, bins: Tensor) -> Any:
        """Returns how far the order inside the fine bins can move the figure."""
        weight, _, correct = ops.unstack(bins)
        return self.bound_of_answers(weight, correct)

    def bound_of_answers(self, weight: Tensor, correct: Any) -> Any:
        """Returns the bound of the weight and right answers of each fine bin."""
        raise NotImplementedError
