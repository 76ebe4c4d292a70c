"""AdaFocal: focal loss whose exponents follow the calibration on validation data."""

from typing import Any

import numpy as np
from keras import ops

from keras_refcal.losses.base import ClassificationLoss
from keras_refcal.losses.state import LossState
from keras_refcal.ops import adafocal
from keras_refcal.ops.calibration import confidence_and_correctness
from keras_refcal.ops.leading_axes import as_rows
from keras_refcal.registration import serializable
from keras_refcal.types import Tensor
from keras_refcal.validation import check_positive


@serializable
class AdaFocalLoss(ClassificationLoss):
    """Focal loss with an exponent for each bin of confidence, learned by calibration.

    The value of a sample is `-(1 - s p)^|gamma| log p`, with p the probability of its
    label, gamma the exponent of the bin that p lies in and s its sign: a negative
    exponent makes confident samples count more (inverse focal). After each epoch
    `update_gammas` looks at validation data: bins of equally many samples, exponents
    greater where confidence exceeds accuracy and smaller where it falls short.

    Exponents and edges are a layer of the loss, `bins`, with `gammas` and
    `inner_edges`. They change only through `update_gammas`: give `fit` the callback
    `UpdateAdaFocal`, which works with any model. Without it the loss is focal loss
    with exponent 1. Published code sums over the batch; that is `reduction="sum"`.

    Args:
        num_bins: Integer, 2 or more.
        adaptation: Number above 0; the exponents change by `e^(adaptation · gap)`.
        switch: Number above 0; an exponent smaller than that changes its sign.
        gamma_min: Least exponent, below 0.
        gamma_max: Greatest exponent, 1 or more.
        **kwargs: `from_logits`, `ignore_class`, `name`, `reduction`, `dtype`; see
            `ClassificationLoss`.

    Raises:
        ValueError: If an argument is out of range, or if shapes or labels of a batch
            do not fit.

    Reference:
        [Ghosh et al., 2022](https://arxiv.org/abs/2211.11838), algorithm 1.

    Example:

    >>> import numpy as np
    >>> from keras_refcal.losses import AdaFocalLoss
    >>> loss = AdaFocalLoss()
    >>> round(float(loss(np.array([0]), np.array([[0.5, 0.5]]))), 4)
    0.3466
    """

    formula = "-(1 - s p_y)^|gamma_b| log p_y, gamma_b of the bin b of p_y, s its sign"
    use = "Focal loss that tunes itself, if there is validation data to spare."
    needs_validation = True

    def __init__(
        self,
        num_bins: int = 15,
        adaptation: float = 1.0,
        switch: float = 0.2,
        gamma_min: float = -2.0,
        gamma_max: float = 20.0,
        name: str | None = "adafocal",
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        if not isinstance(num_bins, int) or num_bins < 2:
            raise ValueError(
                f"`num_bins` must be an integer >= 2. Received: {num_bins!r}"
            )
        check_positive("adaptation", adaptation)
        check_positive("switch", switch)
        if not gamma_min <= -switch < 1 <= gamma_max:
            raise ValueError(
                "`gamma_min` must be -`switch` or less and `gamma_max` 1 or more. "
                f"Received: {gamma_min!r}, {gamma_max!r} with switch={switch!r}"
            )
        self.num_bins = num_bins
        self.adaptation = adaptation
        self.switch = switch
        self.gamma_min = gamma_min
        self.gamma_max = gamma_max
        self.bins = LossState(
            gammas=np.ones(num_bins),
            inner_edges=np.arange(1, num_bins) / num_bins,
        )

    def values(self, targets: Tensor, logits: Tensor) -> Any:
        """Returns the loss of each sample, shape `(batch,)`."""
        gammas = adafocal.bin_gammas(
            ops.stop_gradient(ops.softmax(logits, axis=-1)),
            ops.cast(self.bins.inner_edges, logits.dtype),
            ops.cast(self.bins.gammas, logits.dtype),
        )
        return adafocal.signed_focal(targets, logits, ops.stop_gradient(gammas))

    def update_gammas(self, y_true: Tensor, y_pred: Tensor) -> Any:
        """Adapts bins and exponents to predictions on validation data.

        Args:
            y_true: Labels of all validation samples; see the call arguments.
            y_pred: Predictions of all validation samples, shape
                `(samples, num_classes)` or `(samples, ..., num_classes)`.
        """
        rows = as_rows(self.cast(y_true), self.cast(y_pred))
        targets, logits, present, _ = self.read(*rows[:2])
        pairs = confidence_and_correctness(targets, logits)
        if present is not None:
            kept = ops.convert_to_numpy(present)
            pairs = [ops.convert_to_numpy(x)[kept] for x in pairs]
        edges, _, gaps = adafocal.equal_mass_bins(*pairs, self.num_bins)
        gammas = adafocal.update_gammas(
            ops.convert_to_tensor(self.bins.gammas),
            gaps,
            self.adaptation,
            self.switch,
            self.gamma_min,
            self.gamma_max,
        )
        self.bins.inner_edges.assign(edges[1:-1])
        self.bins.gammas.assign(gammas)
