"""Writes one HTML file with the classifiers of runs beside each other.

    keras-refcal compare runs/refcal runs/baseline --output=comparison.html

Each run is a directory that holds `predictions.npz` or METHOD/seed-N/predictions.npz,
or a file of predictions. On the same test labels, differences to the first classifier
get the intervals of a paired bootstrap.
"""

import pathlib

from keras_refcal.commands import report_flags


def define_flags(flag_values):
    """Defines the flags of the command."""
    report_flags.define_page(flag_values, "comparison.html")


def run(flag_values, positional):
    """Writes the page and prints where it lies."""
    from keras_refcal.evaluation import report

    if not positional:
        raise ValueError(
            "compare takes run directories. Received none: "
            "keras-refcal compare RUN_A RUN_B"
        )
    runs = [report.read_run(path, images=False) for path in positional]
    settings = report_flags.settings(flag_values)
    html = report.render_comparison(runs, settings, flag_values.title)
    output = pathlib.Path(flag_values.output or "comparison.html")
    report.write_page(output, html)
    print(f"{output}  ({len(html.encode()) / 1e6:.1f} MB)")
