"""Histogram binning."""

from typing import Any

import numpy as np
from keras import ops

from keras_refcal.layers.calibrators.one_versus_rest import OneVersusRestCalibrator
from keras_refcal.ops.bins import uniform_edges, weighted_mass_edges
from keras_refcal.registration import serializable
from keras_refcal.types import Tensor
from keras_refcal.validation import check_choice


@serializable
class HistogramBinning(OneVersusRestCalibrator):
    """Replaces the probability of each class by the class' frequency in its bin.

    Each class against the rest has its own bins; the results are divided by their
    sum. A bin without validation samples leaves the probability as it is. One part in
    a thousand of the uncalibrated probability is mixed in, so that no class gets the
    probability 0. It can change the predicted class.

    Args:
        num_bins: Whole number of 1 or more.
        binning: `"uniform"` for bins of equal width, `"quantile"` for bins that hold
            equally many validation samples. Bins are closed on the right.
        from_logits: Whether the scores are logits; otherwise probabilities. Both give
            the same calibrator.
        **kwargs: `fallback` of `OneVersusRestCalibrator`; `multi_label` of
            `Calibrator`; `name`, `dtype` of `keras.layers.Layer`.

    Call arguments:
        inputs: Scores, shape `(batch, num_classes)`, or `(batch, 1)` for class 1 of
            two.

    Returns:
        Probabilities of the shape of the inputs.

    Raises:
        ValueError: If an argument is not as above.

    Reference:
        [Zadrozny and Elkan, 2001](https://dl.acm.org/doi/10.5555/645530.655658).

    Example:

    >>> import numpy as np
    >>> from keras_refcal.layers import HistogramBinning
    >>> p = np.array([[0.9], [0.9], [0.9], [0.1], [0.1], [0.1]])
    >>> layer = HistogramBinning(from_logits=False).fit([1, 1, 0, 0, 0, 1], p)
    >>> print(f"{float(layer(p)[0, 0]):.3f}")
    0.667
    """

    def __init__(
        self,
        num_bins: int = 15,
        binning: str = "uniform",
        from_logits: bool = True,
        **kwargs: Any,
    ):
        super().__init__(from_logits=from_logits, **kwargs)
        uniform_edges(num_bins)
        check_choice("binning", binning, ("uniform", "quantile"))
        self.num_bins = num_bins
        self.binning = binning

    def build_map(self, num_maps: Any) -> None:
        """Creates inner edges, the frequency of each bin, and which are filled."""
        edges = np.tile(uniform_edges(self.num_bins)[1:-1], (num_maps, 1))
        self.edges = self.add_state("edges", edges)
        shape = (num_maps, self.num_bins)
        self.frequencies = self.add_state("frequencies", np.zeros(shape))
        self.filled = self.add_state("filled", np.zeros(shape))

    def map(self, probabilities: Tensor, log_odds: Any) -> Any:
        """Returns the frequency in the bin of each probability."""
        above = ops.cast(probabilities[:, :, None] > self.edges, "int32")
        inside = ops.one_hot(ops.sum(above, axis=-1), self.num_bins, dtype="float32")
        filled = ops.sum(inside * self.filled, axis=-1)
        return (
            ops.sum(inside * self.frequencies, axis=-1) + (1 - filled) * probabilities
        )

    def fit_map(
        self, probabilities: Tensor, log_odds: Any, targets: Tensor, weights: str
    ) -> Any:
        """Returns inner edges, frequencies and which bins are filled, of one class."""
        scores = probabilities.astype("float32")
        edges = uniform_edges(self.num_bins)[1:-1]
        if self.binning == "quantile":
            edges = weighted_mass_edges(scores, weights, self.num_bins)
        inside = np.searchsorted(edges, scores, side="left")
        mass = np.bincount(inside, weights, self.num_bins)
        hits = np.bincount(inside, weights * targets, self.num_bins)
        filled = mass > 0
        frequencies = np.divide(hits, mass, out=np.zeros_like(mass), where=filled)
        return edges, frequencies, filled
