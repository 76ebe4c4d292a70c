"""Isotonic calibration."""

from typing import Any

import numpy as np
from keras import ops

from keras_refcal.fitting.isotonic import isotonic_blocks, merged, with_steps
from keras_refcal.layers.calibrators.one_versus_rest import OneVersusRestCalibrator
from keras_refcal.registration import serializable
from keras_refcal.types import Tensor

# Rise of a probability over its log-odds. Logits near 50 that two programs compute
# differ by 4e-6; probabilities then differ by less than 1e-6.
STEEPEST_LINE = 0.1


@serializable
class IsotonicCalibration(OneVersusRestCalibrator):
    """Maps the probability of each class by the best non-decreasing function.

    Each class against the rest has its own map, which has the value of isotonic
    regression at each validation sample, if `max_knots` are enough. Between two
    neighbours it is linear in the log-odds, or a step in the middle where a line would
    be so steep that rounding of a logit shows. The results are divided by their sum.
    One part in a thousand of the uncalibrated probability is mixed in, so that no
    class gets the probability 0. It needs about a thousand validation samples or more,
    and can change the predicted class.

    Args:
        max_knots: Whole number of 2 or more, knots that are kept of each map: levels
            that differ least are merged. The layer computes with
            `num_classes * max_knots` numbers a sample.
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
        ValueError: If `max_knots` is below 2.

    Reference:
        [Zadrozny and Elkan, 2002](https://doi.org/10.1145/775047.775151).

    Example:

    >>> import numpy as np
    >>> from keras_refcal.layers import IsotonicCalibration
    >>> p = np.array([[0.9], [0.9], [0.9], [0.1], [0.1], [0.1]])
    >>> layer = IsotonicCalibration(from_logits=False).fit([1, 1, 0, 0, 0, 1], p)
    >>> print(f"{float(layer(p)[0, 0]):.3f}")
    0.667
    """

    def __init__(self, max_knots: int = 64, from_logits: bool = True, **kwargs: Any):
        super().__init__(from_logits=from_logits, **kwargs)
        if not isinstance(max_knots, int) or max_knots < 2:
            raise ValueError(
                f"`max_knots` must be a whole number >= 2. Received: {max_knots!r}"
            )
        self.max_knots = max_knots

    def build_map(self, num_maps: Any) -> None:
        """Creates knots (log-odds) and values, of which the identity uses none."""
        shape = (num_maps, self.max_knots)
        self.knots = self.add_state("knots", np.zeros(shape))
        self.values = self.add_state("values", np.zeros(shape))

    def map(self, probabilities: Tensor, log_odds: Any) -> Any:
        """Returns the mapped probabilities: the sum of the rises passed so far."""
        width = self.knots[:, 1:] - self.knots[:, :-1]
        rise = self.values[:, 1:] - self.values[:, :-1]
        passed = log_odds[:, :, None] - self.knots[:, :-1]
        share = ops.where(
            width > 0,
            ops.clip(passed / ops.where(width > 0, width, 1.0), 0.0, 1.0),
            ops.cast(passed > 0, "float32"),
        )
        return self.values[:, 0] + ops.sum(share * rise, axis=-1)

    def fit_map(
        self, probabilities: Tensor, log_odds: Any, targets: Tensor, weights: str
    ) -> Any:
        """Returns knots and values of one class, the last ones repeated."""
        blocks = isotonic_blocks(log_odds.astype("float32"), targets, weights)
        line = merged(blocks, self.max_knots // 2).knots()
        knots, values = with_steps(*line, STEEPEST_LINE)
        spare = (0, self.max_knots - len(knots))
        return np.pad(knots, spare, "edge"), np.pad(values, spare, "edge")
