"""Log-odds of classes, which still differ where all probabilities are 0 or 1."""

import numpy as np

from keras_refcal.predictions.chunks import row_chunks


class LogOdds:
    """`logit - logsumexp(logits of the other classes)` of every class, in float64.

    A class's log-odds rank samples as its softmax probabilities do, without the ties
    that rounding makes of probabilities near 1, or of those too small for a number.

    Args:
        logits: Finite numbers of shape `(n, K)`, K of 2 or more.

    Attributes:
        of_predicted: Log-odds of each sample's largest logit, shape `(n,)`.

    >>> LogOdds(np.array([[0.0, 90.0], [0.0, 91.0]])).of_predicted.tolist()
    [90.0, 91.0]
    """

    def __init__(self, logits):
        self._logits = logits
        self._predicted = np.argmax(logits, axis=1)
        self._largest, self._second, self._others = np.empty((3, len(logits)))
        for rows in row_chunks(logits):
            block = logits[rows].astype("float64")
            at = np.arange(len(block)), self._predicted[rows]
            self._largest[rows] = block[at]
            block[at] = -np.inf
            self._second[rows] = block.max(axis=1)
            block -= self._second[rows, None]
            self._others[rows] = np.exp(block, out=block).sum(axis=1)
        self._lead = self._largest - self._second
        self.of_predicted = self._lead - np.log(self._others)

    def of_classes(self, classes) -> np.ndarray:
        """Returns the log-odds of some classes, shape `(len(classes), n)`.

        Args:
            classes: Class ids, shape `(m,)`.
        """
        classes = np.asarray(classes)
        odds = self._logits[:, classes].T.astype("float64", order="C")
        # Sums are relative to the second largest logit, then to the largest.
        own = np.exp(np.minimum(odds - self._second, 0.0))
        odds -= self._largest
        odds -= np.log1p((self._others - own) * np.exp(-self._lead))
        is_predicted = self._predicted == classes[:, None]
        return np.where(is_predicted, self.of_predicted, odds)

    def log_entropy(self) -> np.ndarray:
        """Returns the logarithm of the entropy of the softmax, shape `(n,)`."""
        distances = np.empty(len(self._logits))
        for rows in row_chunks(self._logits):
            block = self._logits[rows].astype("float64")
            below = self._largest[rows, None] - block
            block -= self._second[rows, None]
            distances[rows] = np.einsum("ij,ij->i", np.exp(np.minimum(block, 0)), below)
        share = np.exp(-self._lead)
        total = self._others * share
        with np.errstate(divide="ignore", invalid="ignore"):
            logarithm = np.where(share > 1e-300, np.log1p(total) / share, self._others)
        return np.log(logarithm + distances / (1 + total)) - self._lead
