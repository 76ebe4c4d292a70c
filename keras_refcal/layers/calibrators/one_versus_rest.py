"""What calibrators share that map the probability of each class on its own."""

import numpy as np
from keras import ops

from keras_refcal.fitting.validation_set import log_softmax
from keras_refcal.layers.calibrators.base import Calibrator
from keras_refcal.ops.labels import log_probabilities


class OneVersusRestCalibrator(Calibrator):
    """Base: maps the probability of each class, then divides by the sum.

    With two classes the map of class 1 alone is fitted, and class 0 has the rest. A
    share of the uncalibrated probability is mixed in before the division: all of it in
    the identity and for a class without validation samples.

    Subclasses define `build_map(num_classes)`, `map(probabilities, log_odds)` and
    `fit_map(probabilities, log_odds, targets, weights)`, which returns the numbers of
    one class from samples that are weighted in samples, and may set `mixing_share`.
    """

    # Where a map can reach 0, so that no class gets the probability 0.
    mixing_share = 1e-3

    def build_state(self, num_classes):
        """Creates the state of the maps and the mixing shares, 1."""
        self.num_maps = 1 if num_classes == 2 else num_classes
        self.build_map(self.num_maps)
        self.mixing = self.add_state("mixing", np.ones(self.num_maps))

    def calibrate(self, logits):
        """Returns the mapped probabilities, divided by their sum."""
        identity = ops.softmax(logits, axis=-1)
        others = ops.matmul(identity, 1.0 - ops.eye(self.num_classes))
        log_odds = log_probabilities(identity) - log_probabilities(others)
        first = self.num_classes - self.num_maps
        kept = identity[:, first:]
        mapped = self.map(kept, log_odds[:, first:])
        mapped = (1.0 - self.mixing) * mapped + self.mixing * kept
        if self.num_maps == 1:
            return ops.concatenate([1.0 - mapped, mapped], axis=-1)
        total = ops.sum(mapped, axis=-1, keepdims=True)
        divided = mapped / ops.where(total > 0, total, 1.0)
        return ops.where(total > 0, divided, identity)

    def fit_state(self, data):
        """Returns the fitted maps, stacked over classes, and the mixing shares."""
        log_p = log_softmax(data.logits)
        probabilities = np.exp(log_p)
        others = probabilities @ (1 - np.eye(data.num_classes))
        log_odds = log_p - np.log(np.maximum(others, 1e-30))
        fitted = [
            self.fit_map(
                probabilities[:, c],
                log_odds[:, c],
                (data.labels == c).astype("float64"),
                data.weights * data.total,
            )
            for c in range(data.num_classes - self.num_maps, data.num_classes)
        ]
        maps = [np.stack(values) for values in zip(*fitted, strict=True)]
        present = data.present[data.num_classes - self.num_maps :]
        return (*maps, np.where(present, self.mixing_share, 1.0))
