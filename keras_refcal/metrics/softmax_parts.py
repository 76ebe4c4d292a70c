"""The softmax of logits in parts, none of which saturates."""

from keras_refcal.metrics.once import once


class SoftmaxParts:
    """Probabilities and log-odds of logits, float64, shapes B rows and K classes.

    With z the greatest logit of a row, s the second greatest and
    `E = sum of exp(z_j - s)` over all classes but the greatest, the odds against the
    greatest are `E exp(s - z)` and its log-odds `z - s - log E`, whatever the scale.

    Args:
        logits: Finite numbers, shape `(B, K)`.
        predicted: Class of the greatest logit of each row, shape `(B,)`.
        xp: `counting_in_keras`, or `counting_in_numpy` for arrays.
    """

    def __init__(self, logits, predicted, xp):
        self.xp = xp
        logits = xp.cast(logits, "float64")
        self._is_top = predicted[:, None] == xp.arange(logits.shape[1], dtype="int32")
        greatest = xp.max(logits, axis=-1, keepdims=True)
        others = xp.where(self._is_top, -float("inf"), logits)
        second = xp.max(others, axis=-1, keepdims=True)
        self._below = logits - greatest
        self._gap = greatest - second
        self._second_odds = xp.exp(-self._gap)
        self._terms = xp.exp(others - second)
        self._sum = xp.sum(self._terms, axis=-1, keepdims=True)

    @once
    def _confidence(self):
        return 1 / (1 + self._sum * self._second_odds)

    @once
    def confidence(self):
        """Probability of the greatest logit, shape `(B,)`."""
        return self._confidence[:, 0]

    @once
    def probabilities(self):
        """Probabilities, shape `(B, K)`."""
        others = self._terms * (self._second_odds * self._confidence)
        return self.xp.where(self._is_top, self._confidence, others)

    @once
    def _top_log_odds(self):
        return self._gap - self.xp.log(self._sum)

    @once
    def top_log_odds(self):
        """Log-odds of the greatest logit, shape `(B,)`."""
        return self._top_log_odds[:, 0]

    @once
    def log_odds(self):
        """Log-odds of each class, `z_k - log sum of exp(z_j)` over others, `(B, K)`."""
        rest = 1 + self._second_odds * (self._sum - self._terms)
        others = self._below - self.xp.log(rest)
        return self.xp.where(self._is_top, self._top_log_odds, others)

    def log_probability(self, ids):
        """Returns the log-probability of one class a row, shape `(B,)`."""
        of_greatest = self.xp.log1p(self._sum * self._second_odds)[:, 0]
        return self.xp.of_column(self._below, ids) - of_greatest
