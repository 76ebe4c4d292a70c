"""Writes one HTML file with the classifiers of runs beside each other.

    keras-refcal compare runs/refcal runs/baseline --output=comparison.html
    keras-refcal compare runs/refcal runs/baseline --output=comparison.json

Each run is a directory that holds `predictions.npz` or METHOD/seed-N/predictions.npz,
or a file of predictions. On the same test labels, differences to the first classifier
get the intervals of a paired bootstrap. As JSON, the figures and differences alone.
"""

from keras_refcal.commands import report_flags


def define_flags(flag_values):
    """Defines the flags of the command."""
    report_flags.define_page(flag_values, "comparison.html")


def run(flag_values, positional):
    """Writes the file and prints where it lies."""
    from keras_refcal import report

    if not positional:
        raise ValueError(
            "compare takes run directories. Received none: "
            "keras-refcal compare RUN_A RUN_B"
        )
    settings = report_flags.settings(flag_values)
    output = report_flags.output_file(flag_values.output, positional, "comparison.html")
    runs = report.read_runs(positional, images=False)
    report.check_several(runs)
    report_flags.write_runs(
        runs,
        output,
        settings,
        lambda: report.render_comparison(runs, settings, flag_values.title),
    )
