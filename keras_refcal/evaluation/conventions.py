"""Choices on which published code disagrees, by name."""

import dataclasses

CHOICES = {
    "bins": ("guo", "netcal", "torchmetrics"),
    "equal_mass": ("interpolated", "quantile"),
    "risk_coverage": ("prefix_mean", "expected", "trapezoid"),
    "precision_recall": ("average_precision", "trapezoid"),
    "false_positive_rate": ("at_least", "closest", "fd_shifts"),
}


@dataclasses.dataclass(frozen=True)
class Convention:
    """Names each choice; the defaults are what most papers report.

    Attributes:
        bins: Side of equal-width bins: `"guo"` (a, b]; `"netcal"` [a, b);
            `"torchmetrics"` [a, b) and a bin of its own for a confidence of 1.
        equal_mass: Edges of `ece_quantile`, see `calibration.equal_mass_error`.
        risk_coverage: How AURC treats ties, see `selective.risk_coverage_area`.
        precision_recall: Area of AUPR, see `selective.precision_recall_area`.
        false_positive_rate: Point of the ROC curve, see
            `selective.false_positive_rate_at_recall`.
        nll_clip: Probabilities are first moved into `[nll_clip, 1 - nll_clip]`.

    Raises:
        ValueError: For a name that is not listed.
    """

    bins: str = "guo"
    equal_mass: str = "interpolated"
    risk_coverage: str = "prefix_mean"
    precision_recall: str = "average_precision"
    false_positive_rate: str = "at_least"
    nll_clip: float = 0.0

    def __post_init__(self):
        for field, choices in CHOICES.items():
            if getattr(self, field) not in choices:
                raise ValueError(
                    f"`{field}` must be one of {list(choices)}. "
                    f"Received: {getattr(self, field)!r}"
                )
        if not 0 <= self.nll_clip < 0.5:
            raise ValueError(
                f"`nll_clip` must lie in [0, 0.5). Received: {self.nll_clip!r}"
            )


CONVENTIONS = {
    "guo": Convention(),
    "netcal": Convention(bins="netcal", equal_mass="quantile"),
    "torchmetrics": Convention(bins="torchmetrics"),
    "fmfp": Convention(precision_recall="trapezoid", false_positive_rate="closest"),
    "fd_shifts": Convention(risk_coverage="trapezoid", false_positive_rate="fd_shifts"),
}


def as_convention(convention) -> Convention:
    """Returns a `Convention` from one, or from the name of a peer."""
    if isinstance(convention, Convention):
        return convention
    if convention not in CONVENTIONS:
        raise ValueError(
            f"`convention` must be a `Convention` or one of {sorted(CONVENTIONS)}. "
            f"Received: {convention!r}"
        )
    return CONVENTIONS[convention]
