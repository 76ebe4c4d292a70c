"""Flags that `evaluate`, `report` and `compare` share."""

from absl import flags

from keras_refcal.evaluation.conventions import CONVENTIONS
from keras_refcal.evaluation.report import ReportSettings

NAMES = ("num_bins", "convention", "bootstrap", "seed", "target_risk", "coverage")


def define_settings(flag_values, bootstrap=ReportSettings.bootstrap):
    """Defines the flags of what figures depend on."""
    flags.DEFINE_integer(
        "num_bins", ReportSettings.num_bins, "Bins of ECE.", flag_values=flag_values
    )
    flags.DEFINE_enum(
        "convention",
        ReportSettings.convention,
        sorted(CONVENTIONS),
        "Whose conventions binned figures and areas follow.",
        flag_values=flag_values,
    )
    flags.DEFINE_integer(
        "bootstrap",
        bootstrap,
        "Replicates of bootstrap intervals; 0 for none.",
        flag_values=flag_values,
    )
    flags.DEFINE_integer("seed", 0, "Seed of the bootstrap.", flag_values=flag_values)
    for name, text in (
        ("target_risk", "Share of errors that a threshold is chosen to keep."),
        ("coverage", "Share of samples that prediction sets are made to cover."),
    ):
        default = getattr(ReportSettings, name)
        flags.DEFINE_float(name, default, text, flag_values=flag_values)


def define_page(flag_values, default_output):
    """Defines the flags of a page."""
    define_settings(flag_values)
    flags.DEFINE_string(
        "output",
        None,
        f"HTML file to write; by default {default_output}.",
        flag_values=flag_values,
    )
    flags.DEFINE_string("title", None, "Title of the page.", flag_values=flag_values)


def settings(flag_values, **others) -> ReportSettings:
    """Returns what the flags say."""
    values = {name: flag_values[name].value for name in NAMES}
    return ReportSettings(**values, **others)
