"""What a report depends on beside the predictions."""

import dataclasses
from typing import Any

from keras_refcal.evaluation.conventions import Convention, as_convention

# Replicates of these cost little: they read the predicted class alone.
CHEAP_SCORES = (
    "accuracy",
    "ece",
    "overconfidence_error",
    "nll",
    "correctness_auroc",
    "aurc",
    "excess_aurc",
)
CHEAPEST_SCORES = ("accuracy", "ece", "nll")
MANY_SAMPLES = 100_000

SIDES = {
    "guo": "(a, b]: a bin holds its right edge",
    "netcal": "[a, b): a bin holds its left edge",
    "torchmetrics": "[a, b): a bin holds its left edge; a confidence of 1 has its own",
}


@dataclasses.dataclass(frozen=True)
class ReportSettings:
    """Conventions and sizes of a report.

    Attributes:
        num_bins: Bins of the binned figures and diagrams.
        convention: See `evaluate`.
        bootstrap: Replicates of the intervals; 0 for none.
        confidence_level: Level of all intervals.
        seed: Seed of the bootstrap.
        mistakes: How many confident mistakes are shown.
        target_risk: Share of errors that the threshold of the risk diagram keeps.
        coverage: Share of the samples that prediction sets are made to cover.
    """

    num_bins: int = 15
    convention: str | Convention = "guo"
    bootstrap: int = 200
    confidence_level: float = 0.95
    seed: int = 0
    mistakes: int = 24
    target_risk: float = 0.05
    coverage: float = 0.9

    def __post_init__(self):
        """Checks what `evaluate` does not check, and what would take all memory."""
        for name, low, high in (
            ("num_bins", 1, 10_000),
            ("bootstrap", 0, 1_000_000),
            ("seed", 0, 2**64),
            ("mistakes", 0, 10_000),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(
                    f"`{name}` must be from {low} to {high}. Received: {value:g}"
                )
        for name in ("target_risk", "coverage"):
            value = getattr(self, name)
            if not 0 < value < 1:
                raise ValueError(f"`{name}` must be in (0, 1). Received: {value}")

    @property
    def bins(self) -> dict:
        """The arguments of every binned curve."""
        return {
            "num_bins": self.num_bins,
            "convention": as_convention(self.convention).bins,
        }

    def resampled(self, num_samples: int) -> tuple[str, ...]:
        """Returns the names of the figures that get bootstrap intervals."""
        if not self.bootstrap:
            return ()
        return CHEAP_SCORES if num_samples <= MANY_SAMPLES else CHEAPEST_SCORES

    def described(self, saved: Any) -> list[tuple[str, str]]:
        """Returns the conventions in words."""
        convention = as_convention(self.convention)
        rows, classes = saved.predictions.probabilities.shape
        logits = saved.predictions.logits is not None
        return [
            ("Samples (N)", f"{rows:,}"),
            ("Classes (K)", f"{classes:,}"),
            (
                "Predictions were",
                "logits (softmax taken)" if logits else "probabilities",
            ),
            ("Bins", f"{self.num_bins} of equal width"),
            ("Side of a bin", SIDES[convention.bins]),
            ("Norm of ECE", "l1: mean of absolute gaps, weighted by samples"),
            ("Equal-mass bins", convention.equal_mass),
            ("AURC", convention.risk_coverage),
            ("AUPR", convention.precision_recall),
            ("FPR at recall", convention.false_positive_rate),
            ("Clip of NLL", f"{convention.nll_clip:g}"),
            ("Intervals", self._intervals(rows)),
        ]

    def _intervals(self, rows):
        level = f"{100 * self.confidence_level:g} %"
        names = self.resampled(rows)
        wilson = f"Wilson, {level}, in the reliability diagram"
        if not names:
            return f"{wilson}; no bootstrap"
        return (
            f"{wilson}; percentile bootstrap, {level}, {self.bootstrap} replicates, "
            f"seed {self.seed}, for {', '.join(names)} only: replicates of the others "
            "are dear. Resampling biases binned errors upwards, so intervals of ECE "
            "lie high."
        )
