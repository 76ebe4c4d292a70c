"""Bayesian binning into quantiles."""

from typing import Any

import numpy as np
from keras import ops

from keras_refcal.fitting.bayesian_binning import EVIDENCE, averaged_histogram
from keras_refcal.layers.calibrators.one_versus_rest import OneVersusRestCalibrator
from keras_refcal.registration import serializable
from keras_refcal.types import Tensor
from keras_refcal.validation import check_choice, check_integer


@serializable
class BayesianBinning(OneVersusRestCalibrator):
    """Averages histograms of many sizes by how probable the samples make each (BBQ).

    Each class against the rest has its own average; the results are divided by their
    sum. One part in a thousand of the uncalibrated probability is mixed in, so that
    no class gets the probability 0. It can change the predicted class.

    Args:
        binning: `"quantile"` for bins that hold equally many validation samples (the
            paper), `"uniform"` for bins of equal width. Bins are closed on the right.
        criterion: `"bdeu"`, the marginal likelihood under Beta priors (the paper), or
            `"bic"`, its approximation, with the frequency of a bin as its value
            (netcal).
        max_edges: Whole number of 1 or more, edges that are kept of each average: the
            least probable histograms are left out. The layer computes with
            `num_classes * max_edges` numbers a sample.
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
        [Naeini et al., 2015](https://doi.org/10.1609/aaai.v29i1.9602).

    Example:

    >>> import numpy as np
    >>> from keras_refcal.layers import BayesianBinning
    >>> p = np.repeat([[0.9], [0.1]], 50, axis=0)
    >>> labels = np.arange(100) % 50 < np.repeat([30, 10], 50)
    >>> layer = BayesianBinning(from_logits=False).fit(labels, p)
    >>> print(f"{float(layer(p)[0, 0]):.2f}")
    0.60
    """

    def __init__(
        self,
        binning: str = "quantile",
        criterion: str = "bdeu",
        max_edges: int = 512,
        from_logits: bool = True,
        **kwargs: Any,
    ):
        super().__init__(from_logits=from_logits, **kwargs)
        check_choice("binning", binning, ("uniform", "quantile"))
        check_choice("criterion", criterion, EVIDENCE)
        check_integer("max_edges", max_edges, 1)
        self.binning = binning
        self.criterion = criterion
        self.max_edges = max_edges

    def build_map(self, num_maps: Any) -> None:
        """Creates edges, the value before the first, and the rise behind each."""
        shape = (num_maps, self.max_edges)
        self.edges = self.add_state("edges", np.ones(shape))
        self.first = self.add_state("first", np.zeros(num_maps))
        self.rises = self.add_state("rises", np.zeros(shape))

    def map(self, probabilities: Tensor, log_odds: Any) -> Any:
        """Returns the value of the step that each probability is on."""
        passed = ops.cast(probabilities[:, :, None] > self.edges, "float32")
        # Rounding of the sum must not leave a probability below 0.
        return ops.clip(self.first + ops.sum(passed * self.rises, axis=-1), 0.0, 1.0)

    def fit_map(
        self, probabilities: Tensor, log_odds: Any, targets: Tensor, weights: str
    ) -> Any:
        """Returns edges, first value and rises of one class."""
        edges, values = averaged_histogram(
            probabilities.astype("float32"),
            targets,
            weights,
            self.binning,
            self.criterion,
            self.max_edges,
        )
        kept = slice(self.max_edges)
        spare = (0, max(0, self.max_edges - len(edges)))
        return (
            np.pad(edges[kept], spare, constant_values=1.0),
            values[0],
            np.pad(np.diff(values)[kept], spare),
        )
