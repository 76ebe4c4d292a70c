"""Flags that `evaluate`, `report` and `compare` share."""

import pathlib

from absl import flags

from keras_refcal.evaluation.conventions import CONVENTIONS
from keras_refcal.files import check_output
from keras_refcal.report import ReportSettings, files_read

OUTPUTS = (".html", ".json")
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
        f"File to write, by default {default_output}: .html for a page, .json for the "
        "figures.",
        flag_values=flag_values,
    )
    flags.DEFINE_string("title", None, "Title of the page.", flag_values=flag_values)


def settings(flag_values, **others) -> ReportSettings:
    """Returns what the flags say."""
    values = {name: flag_values[name].value for name in NAMES}
    return ReportSettings(**values, **others)


def output_file(path, inputs, default=None) -> pathlib.Path:
    """Returns the file to write, checked before any work is done.

    Args:
        path: What `--output` says.
        inputs: Files or run directories that the command reads.
        default: The file where `path` is `None`; it is not written over unless it is
            a page that was written before.

    Raises:
        ValueError: If its suffix is not known, or it is an input.
        OSError: If it cannot be a file.
    """
    output = pathlib.Path(default if path is None else path)
    if output.suffix.lower() not in OUTPUTS:
        raise ValueError(
            f"`--output` must end in {' or '.join(OUTPUTS)}. Received: {str(path)!r}"
        )
    if output.is_dir():
        raise IsADirectoryError(f"`--output` must be a file, not a directory: {output}")
    if not output.parent.is_dir():
        raise FileNotFoundError(f"No directory to write to: {output.parent}")
    for given in inputs:
        check_output(output, files_read(given))
    if path is None and output.exists() and not _is_our_page(output):
        raise FileExistsError(f"{output} is no report: say what to write by --output.")
    return output


def _is_our_page(path):
    with path.open("rb") as file:
        return b'<meta name="generator" content="keras-refcal' in file.read(4096)


def write_runs(runs, output, settings, render) -> None:
    """Writes what runs are worth, as a page or as figures, and says where.

    Args:
        runs: What `report.read_runs` returned.
        output: What `output_file` returned.
        settings: A `ReportSettings`.
        render: Returns the page.
    """
    from keras_refcal import report
    from keras_refcal.files import write_json
    from keras_refcal.terminal import say

    if is_page(output):
        report.write_page(output, render())
    else:
        write_json(output, report.all_scores(runs, settings))
    say(f"{output}  ({output.stat().st_size / 1e6:.1f} MB)")


def is_page(output) -> bool:
    """Whether a file to write is a page, not figures."""
    return output.suffix.lower() == ".html"
