"""The negative log-likelihood."""

from typing import Any

from keras import ops

from keras_refcal.metrics.base import ClassifierMetric
from keras_refcal.metrics.counters import LogLikelihood
from keras_refcal.ops.division import divide
from keras_refcal.registration import serializable
from keras_refcal.types import Tensor


@serializable
class NegativeLogLikelihood(ClassifierMetric):
    """Mean of minus the log-probability of the label, in nats.

    Range [0, inf]; infinite if a label has probability 0 and `clip` is 0, which
    cannot happen with `from_logits=True`. NaN without samples. Equal to
    `evaluation.evaluate`'s `nll` up to float32 rounding.

    Args:
        clip: Probabilities are first moved into `[clip, 1 - clip]`. Keras' losses use
            1e-7, scikit-learn 2.2e-16; 0 gives the mean as it is.
        name: Optional name of the metric.
        **kwargs: `from_logits`, `num_classes`, `ignore_class`, `multi_label`, `dtype`;
            see `ClassifierMetric`.

    Raises:
        ValueError: If `clip` is not in [0, 0.5).

    Example:

    >>> import numpy as np
    >>> from keras_refcal.metrics import NegativeLogLikelihood
    >>> metric = NegativeLogLikelihood()
    >>> metric.update_state(np.array([1, 0]), np.array([[0.1, 0.9], [0.4, 0.6]]))
    >>> round(float(metric.result()), 4)
    0.5108
    """

    value_range = (0, float("inf"))

    def __init__(
        self,
        clip: float = 0.0,
        name: str | None = "negative_log_likelihood",
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        if not 0 <= clip < 0.5:
            raise ValueError(f"`clip` must lie in [0, 0.5). Received: {clip!r}")
        self.clip = clip
        self.count(likelihood=LogLikelihood(clip))

    def score(self, likelihood: Tensor) -> Any:
        """Returns the mean."""
        weight, total, impossible = ops.unstack(likelihood)
        return ops.where(impossible > 0, float("inf"), divide(total, weight))
