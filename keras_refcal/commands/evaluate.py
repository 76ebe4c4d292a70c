"""Judges saved predictions of any classifier, from any framework.

    keras-refcal evaluate --predictions=predictions.npz
    keras-refcal evaluate --predictions=predictions.csv --output=report.html
    keras-refcal evaluate --predictions=test.npz --validation=val.npz --output=page.html

An npz file holds arrays `y_true` and `probabilities` or `logits`; a csv or parquet file
a column `y_true` and columns `probability_0`, `probability_1`, … or `logit_0`, …
Prints every figure; `--output` also writes them as JSON, or a page as HTML.
"""

import functools
import pathlib

from absl import flags

from keras_refcal.commands import report_flags
from keras_refcal.terminal import say


def define_flags(flag_values):
    """Defines the flags of the command."""
    report_flags.define_settings(flag_values)
    for name, text in (
        ("predictions", "File of predictions: .npz, .csv or .parquet."),
        (
            "validation",
            "File of other predictions, named alike: the page shows thresholds and "
            "prediction sets that are fitted to them.",
        ),
        ("output", "File to write: .json for the figures, .html for a page."),
        ("y_true", "Name of the labels in the file, if not y_true."),
        ("probabilities", "Name of the probabilities; of columns, how they begin."),
        ("logits", "Name of the logits; of columns, how they begin."),
    ):
        flags.DEFINE_string(name, None, text, flag_values=flag_values)
    flags.DEFINE_list(
        "class_counts",
        None,
        "Training samples of each class, 500,300,…; adds figures of groups.",
        flag_values=flag_values,
    )
    flags.mark_flag_as_required("predictions", flag_values)


def run(flag_values, positional):
    """Prints the figures and writes what was asked for."""
    from keras_refcal import report
    from keras_refcal.files import write_json
    from keras_refcal.report.scores import judge, score_text

    if positional:
        raise ValueError(f"evaluate takes flags only. Received: {' '.join(positional)}")
    settings = report_flags.settings(flag_values)
    path = pathlib.Path(flag_values.predictions)
    output = None
    if flag_values.output is not None:
        read_files = [f for f in (path, flag_values.validation) if f is not None]
        output = report_flags.output_file(flag_values.output, read_files)
    page = output is not None and report_flags.is_page(output)
    read = functools.partial(
        report.read_predictions,
        y_true=flag_values.y_true,
        probabilities=flag_values.probabilities,
        logits=flag_values.logits,
        class_counts=_numbers(flag_values.class_counts),
    )
    saved = read(path, images=page)
    validation = None
    if flag_values.validation is not None:
        if not page:
            raise ValueError("`--validation` is for a page: give --output=FILE.html.")
        validation = read(flag_values.validation, images=False)
    scores = judge(saved, settings)
    say(score_text(scores))
    samples, classes = saved.predictions.probabilities.shape
    say(
        f"\n{path}: {samples} samples, {classes} classes; {settings.num_bins} bins, "
        f"convention {settings.convention}; bootstrap {settings.bootstrap}"
    )
    if output is None:
        return
    if page:
        entry = report.Entry(path.stem, saved, source=str(path), validation=validation)
        html = report.render_report(report.Run(path.stem, (entry,)), settings)
        report.write_page(output, html)
    else:
        described = dict(settings.described(saved))
        write_json(output, {"scores": scores, "conventions": described})
    say(f"Written: {output}")


def _numbers(texts):
    if texts is None:
        return None
    try:
        return [int(text) for text in texts]
    except ValueError:
        raise ValueError(
            "`--class_counts` must be whole numbers with commas between. "
            f"Received: {','.join(texts)}"
        ) from None
