"""Writes one HTML file about run directories, every classifier in detail.

    keras-refcal report runs/digits
    keras-refcal report runs/digits runs/cifar100 --output=both.html
    keras-refcal report runs/digits --output=scores.json

A run directory needs `predictions.npz` only, or a file of predictions takes its place;
`config.json`, `metrics.json`, `history.json` and METHOD/seed-N/ are shown where they
are there. The file needs no network and no other file. As JSON, the figures alone.
"""

import pathlib

from absl import flags

from keras_refcal.commands import report_flags


def define_flags(flag_values):
    """Defines the flags of the command."""
    report_flags.define_page(flag_values, "report.html in the first run directory")
    flags.DEFINE_integer(
        "mistakes",
        24,
        "How many confident mistakes are shown.",
        flag_values=flag_values,
    )


def run(flag_values, positional):
    """Writes the file and prints where it lies."""
    from keras_refcal import report

    if not positional:
        raise ValueError(
            "report takes one run directory or more. Received none: "
            "keras-refcal report RUN_DIR"
        )
    settings = report_flags.settings(flag_values, mistakes=flag_values.mistakes)
    first = pathlib.Path(positional[0])
    beside = first / "report.html" if first.is_dir() else first.with_suffix(".html")
    output = report_flags.output_file(flag_values.output, positional, beside)
    runs = report.read_runs(positional, images=report_flags.is_page(output))
    report_flags.write_runs(
        runs,
        output,
        settings,
        lambda: report.render_report(runs, settings, flag_values.title),
    )
