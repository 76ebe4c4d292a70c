"""What calibrators share that map the probability of each class on its own."""

from typing import Any

import numpy as np
from keras import ops

from keras_refcal.fitting.validation_set import (
    folds_of,
    log_softmax,
    mean_and_error,
)
from keras_refcal.layers.calibrators.base import Calibrator
from keras_refcal.ops.labels import log_probabilities
from keras_refcal.types import Tensor
from keras_refcal.validation import check_bool

FOLDS = 5
# Standard errors by which a difference is clear before all folds are looked at.
CLEAR = 4.0


class OneVersusRestCalibrator(Calibrator):
    """Base: maps the probability of each class, then divides by the sum.

    With two classes the map of class 1 alone is fitted, and class 0 has the rest. A
    share of the uncalibrated probability is mixed in before the division. A class
    without validation samples keeps its uncalibrated probability; the others share
    what is left.

    Subclasses define `build_map(num_classes)`, `map(probabilities, log_odds)` and
    `fit_map(probabilities, log_odds, targets, weights)`, which returns the numbers of
    one class from samples that are weighted in samples, and may set `mixing_share`
    and `has_few_numbers`.

    Args:
        fallback: Whether `fit` becomes one temperature, with a `UserWarning`, where
            five-fold cross-validation says that the maps have the greater loss.
        from_logits: Whether the scores are logits; otherwise probabilities.
        **kwargs: `multi_label` of `Calibrator`; `name`, `dtype` of
            `keras.layers.Layer`.
    """

    # Where a map can reach 0, so that no class gets the probability 0.
    mixing_share = 1e-3
    # Whether the map of two classes has so few numbers that it needs no comparison.
    has_few_numbers = False

    def __init__(self, fallback: bool = True, from_logits: bool = True, **kwargs: Any):
        super().__init__(from_logits=from_logits, **kwargs)
        check_bool("fallback", fallback)
        self.fallback = fallback

    def build_state(self, num_classes: int) -> None:
        """Creates the state of the maps, the mixing shares and the temperature, 1."""
        self.num_maps = 1 if num_classes == 2 else num_classes
        self.build_map(self.num_maps)
        self.mixing = self.add_state("mixing", np.ones(self.num_maps))
        self.temperature = self.add_state("temperature", 1.0)

    def calibrate(self, logits: Tensor) -> Any:
        """Returns the mapped probabilities, divided by their sum."""
        identity = ops.softmax(logits / self.temperature, axis=-1)
        others = ops.matmul(identity, 1.0 - ops.eye(self.num_classes))
        log_odds = log_probabilities(identity) - log_probabilities(others)
        first = self.num_classes - self.num_maps
        kept = identity[:, first:]
        mapped = self.map(kept, log_odds[:, first:])
        mapped = (1.0 - self.mixing) * mapped + self.mixing * kept
        if self.num_maps == 1:
            return ops.concatenate([1.0 - mapped, mapped], axis=-1)
        is_kept = ops.cast(self.mixing >= 1.0, "float32")
        left = ops.maximum(1.0 - ops.matmul(kept, is_kept[:, None]), 0.0)
        total = ops.matmul(mapped, 1.0 - is_kept[:, None])
        share = left / ops.where(total > 0, total, 1.0)
        divided = mapped * (is_kept + (1.0 - is_kept) * share)
        # Where all maps are 0, and where no class has one.
        return ops.where(total > 0, divided, identity)

    def fit_state(self, data: Any) -> Any:
        """Returns the fitted maps, the mixing shares and the temperature 1."""
        has_few = self.has_few_numbers and self.num_maps == 1
        if self.fallback and not has_few and len(data.labels) >= 2 * FOLDS:
            ours, tempered = self._held_out_losses(data)
            if ours > tempered:
                self.warn(
                    f"becomes one temperature: its loss is {ours:.4g} in "
                    f"cross-validation, that of the temperature {tempered:.4g} (pass "
                    "`fallback=False` to keep the maps)"
                )
                return self.one_temperature(data.best.temperature)
        return self._fitted_maps(data)

    def one_temperature(self, temperature: Any) -> Any:
        """Returns maps that are not used, and the temperature."""
        *maps, _, _ = self._identity
        return (*maps, np.ones(self.num_maps), temperature)

    def _held_out_losses(self, data):
        """Returns the cross-validated loss of the maps and of one temperature.

        Folds that come after a clear result are left out.
        """
        fold = folds_of(data.labels, FOLDS)
        losses, weights = np.empty((0, 2)), np.empty(0)
        for one in range(FOLDS):
            inside, held_out = data.take(fold != one), fold == one
            columns = []
            for state in (
                self._fitted_maps(inside),
                self.one_temperature(inside.best.temperature),
            ):
                self.assign(state)
                # Of all samples, since compilers like the same shapes.
                columns.append(self.losses(data)[held_out])
            losses = np.concatenate([losses, np.stack(columns, axis=1)])
            weights = np.append(weights, data.weights[held_out])
            mean, error = mean_and_error(losses[:, 0] - losses[:, 1], weights)
            if mean > CLEAR * error:
                break
        return weights @ losses / weights.sum()

    def _fitted_maps(self, data):
        log_p = log_softmax(data.logits)
        probabilities = np.exp(log_p)
        others = probabilities @ (1 - np.eye(data.num_classes))
        log_odds = log_p - np.log(np.maximum(others, 1e-30))
        fitted = [
            self.fit_map(
                probabilities[:, c],
                log_odds[:, c],
                (data.labels == c).astype("float64"),
                data.weights * data.samples,
            )
            for c in range(data.num_classes - self.num_maps, data.num_classes)
        ]
        maps = [np.stack(values) for values in zip(*fitted, strict=True)]
        present = data.present[data.num_classes - self.num_maps :]
        return (*maps, np.where(present, self.mixing_share, 1.0), 1.0)
