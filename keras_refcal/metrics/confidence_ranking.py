"""What ranks samples by confidence: fine bins, their number, and no ties beyond."""

from keras import ops

from keras_refcal.metrics.base import ClassifierMetric
from keras_refcal.metrics.counters import FineConfidence

NUM_BINS = 4096


class ConfidenceRanking(ClassifierMetric):
    """A figure of confidence as a score of being right, from fine bins.

    Right answers are the positives. Confidences of one fine bin count as ties.

    Args:
        num_bins: Number of fine bins.
        **kwargs: See `ClassifierMetric`.
    """

    distance = "`distance_bound()`"

    def __init__(self, num_bins=NUM_BINS, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(num_bins, int) or num_bins < 2:
            raise ValueError(
                f"`num_bins` must be an integer >= 2. Received: {num_bins!r}"
            )
        self.num_bins = num_bins
        self.count(bins=FineConfidence(num_bins))

    def figure(self, bins):
        """Returns the figure."""
        weight, _, correct = ops.unstack(bins)
        return self.of_answers(weight, correct)

    def of_answers(self, weight, correct):
        """Returns the figure of the weight and right answers of each fine bin."""
        raise NotImplementedError

    def bound(self, bins):
        """Returns how far the order inside the fine bins can move the figure."""
        weight, _, correct = ops.unstack(bins)
        return self.bound_of_answers(weight, correct)

    def bound_of_answers(self, weight, correct):
        """Returns the bound of the weight and right answers of each fine bin."""
        raise NotImplementedError

    def get_config(self):
        """Returns the constructor's arguments."""
        return {**super().get_config(), "num_bins": self.num_bins}
