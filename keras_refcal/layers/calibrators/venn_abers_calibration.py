"""Venn-Abers calibration."""

from typing import Any

import numpy as np
from keras import ops

from keras_refcal.fitting.venn_abers import coarsened, venn_abers
from keras_refcal.layers.calibrators.one_versus_rest import OneVersusRestCalibrator
from keras_refcal.registration import serializable
from keras_refcal.types import Tensor
from keras_refcal.validation import check_integer


@serializable
class VennAbersCalibration(OneVersusRestCalibrator):
    """Maps the probability of each class by isotonic regression that knows its doubt.

    A sample is counted among the validation samples with either label; isotonic
    regression gives it the probabilities `p0` and `p1`, and the map is
    `p1 / (1 - p0 + p1)`. It is never 0 or 1 and stays away from them where samples are
    few, which isotonic regression does not. Each class against the rest has its own
    map, and the results are divided by their sum; with two classes that of class 1
    alone is fitted. Between two validation samples the map has a step in the middle.
    It can change the predicted class.

    Args:
        max_edges: Whole number of 1 or more, steps that are kept of each map. Where
            there are more, values of near log-odds are averaged. The layer computes
            with `num_classes * max_edges` numbers a sample.
        from_logits: Whether the scores are logits; otherwise probabilities. Both give
            the same calibrator.
        **kwargs: `fallback` of `OneVersusRestCalibrator`; `name`, `dtype` of
            `keras.layers.Layer`.

    Call arguments:
        inputs: Scores, shape `(batch, num_classes)`, or `(batch, 1)` for class 1 of
            two.

    Returns:
        Probabilities of the shape of the inputs.

    Raises:
        ValueError: If `max_edges` is below 1.

    Reference:
        [Vovk et al., 2015](https://arxiv.org/abs/1511.00213), inductive Venn-Abers
        predictors, section 4.

    Example:

    >>> import numpy as np
    >>> from keras_refcal.layers import VennAbersCalibration
    >>> p = np.array([[0.9], [0.9], [0.9], [0.1], [0.1], [0.1]])
    >>> layer = VennAbersCalibration(from_logits=False, fallback=False)
    >>> layer = layer.fit([1, 1, 0, 0, 0, 1], p)
    >>> print(f"{float(layer(p)[0, 0]):.3f}")  # p0 is 0.5 and p1 0.75
    0.600
    """

    mixing_share = 0.0

    def __init__(self, max_edges: int = 128, from_logits: bool = True, **kwargs: Any):
        super().__init__(from_logits=from_logits, **kwargs)
        check_integer("max_edges", max_edges, 1)
        self.max_edges = max_edges

    def build_map(self, num_maps: Any) -> None:
        """Creates edges (log-odds) and, behind each, the rise of the probability."""
        shape = (num_maps, self.max_edges)
        self.edges = self.add_state("edges", np.zeros(shape))
        self.first = self.add_state("first", np.zeros(num_maps))
        self.rises = self.add_state("rises", np.zeros(shape))

    def map(self, probabilities: Tensor, log_odds: Any) -> Any:
        """Returns the value of the step that each log-odds is on."""
        passed = ops.cast(log_odds[:, :, None] > self.edges, "float32")
        # Rounding of the sum must not leave a probability above 1.
        return ops.minimum(self.first + ops.sum(passed * self.rises, axis=-1), 1.0)

    def fit_map(
        self, probabilities: Tensor, log_odds: Any, targets: Tensor, weights: str
    ) -> Any:
        """Returns edges, the first value and the rises of one class."""
        scores, values = venn_abers(log_odds.astype("float32"), targets, weights)
        values = coarsened(values, self.max_edges + 1)
        steps = np.flatnonzero(np.diff(values))
        edges = scores[steps] + (scores[steps + 1] - scores[steps]) / 2
        spare = (0, self.max_edges - len(steps))
        return (
            np.pad(edges, spare),
            values[0],
            np.pad(np.diff(values)[steps], spare),
        )
