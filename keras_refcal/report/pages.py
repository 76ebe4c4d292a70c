"""Puts runs together into one self-contained HTML file."""

import base64
import functools
import hashlib
import json
import os
import pathlib
from typing import Any

from keras_refcal.files import replacing
from keras_refcal.report import recipe
from keras_refcal.report.comparison import check_several, make_comparison
from keras_refcal.report.naming import distinct_entries, distinct_runs
from keras_refcal.report.panel import make_panel
from keras_refcal.report.scores import judge
from keras_refcal.report.settings import ReportSettings
from keras_refcal.report.tables import Cell, Column, Table, shown

TEMPLATES = pathlib.Path(__file__).parent / "templates"
SCRIPTS = ("svg.js", "charts.js", "page.js")


def render_report(
    runs: Any, settings: ReportSettings | None = None, title: str | None = None
) -> str:
    """Returns a page with every classifier of some runs in detail.

    Args:
        runs: One `Run` or several, see `read_run`.
        settings: Bins, convention, bootstrap; the defaults of `ReportSettings`.
        title: Title of the page; the runs' names by default.

    Returns:
        HTML that needs no other file and no network.

    >>> import numpy as np
    >>> from keras_refcal.report import Entry, Run, SavedPredictions
    >>> from keras_refcal.predictions import as_predictions
    >>> predictions = as_predictions([1, 0, 1], [[0.1, 0.9], [0.4, 0.6], [0.3, 0.7]])
    >>> entry = Entry("mine", SavedPredictions(predictions), source="memory")
    >>> render_report(Run("mine", (entry,))).startswith("<!doctype html>")
    True
    """
    runs, settings = distinct_runs(runs), settings or ReportSettings()
    entries = distinct_entries(runs)
    judged = _judged(entries, settings)
    return _render(
        "report.html",
        runs,
        title or " and ".join(run.name for run in runs),
        eyebrow="Calibration report",
        panels=[make_panel(entry, judged[entry.label], settings) for entry in entries],
        comparison=(
            make_comparison(entries, judged, settings) if len(entries) > 1 else None
        ),
        conventions=settings.described(entries[0].saved),
    )


def render_comparison(
    runs: Any, settings: ReportSettings | None = None, title: str | None = None
) -> str:
    """Returns a page with the classifiers of some runs beside each other.

    Args:
        runs: Several `Run`, or one with several entries, see `read_run`.
        settings: Bins, convention, bootstrap; the defaults of `ReportSettings`.
        title: Title of the page; the runs' names by default.

    Returns:
        HTML that needs no other file and no network.

    Raises:
        ValueError: If there is only one classifier.
    """
    runs, settings = distinct_runs(runs), settings or ReportSettings()
    check_several(runs)
    entries = distinct_entries(runs)
    names, rows = recipe.differences({run.name: run.config for run in runs})
    columns = tuple(Column(name) for name in ("Setting", *names))
    return _render(
        "report.html",
        runs,
        title or " against ".join(run.name for run in runs),
        eyebrow="Comparison",
        panels=[],
        comparison=make_comparison(entries, _judged(entries, settings), settings),
        config_differences=Table("Settings that differ", columns, rows),
        conventions=settings.described(entries[0].saved),
    )


def write_page(path: str | os.PathLike, html: Any) -> None:
    """Writes a page; the file is whole or, on an error, left as it was."""
    path = pathlib.Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"No directory to write to: {path.parent}")
    with replacing(path) as temporary:
        # Names of files may hold bytes that are no UTF-8.
        temporary.write_text(html, encoding="utf-8", errors="backslashreplace")


def _judged(entries, settings):
    return {entry.label: judge(entry.saved, settings) for entry in entries}


def _render(template, runs, title, **context):
    import keras_refcal

    script = "\n".join((TEMPLATES / name).read_text("utf-8") for name in SCRIPTS)
    script = f'"use strict";\n(() => {{\n{script}}})();\n'
    digest = hashlib.sha256(script.encode()).digest()
    charts = dict(_charts(context))
    return (
        _environment()
        .get_template(template)
        .render(
            title=title,
            runs=runs,
            version=keras_refcal.__version__,
            recipes=[(run.name, recipe.tables(run.config)) for run in runs],
            style=(TEMPLATES / "style.css").read_text("utf-8"),
            script=script,
            script_hash=base64.b64encode(digest).decode(),
            chart_data=json.dumps(charts, separators=(",", ":"), allow_nan=False),
            **context,
        )
    )


def _charts(context):
    """Yields the id of each diagram and what its views draw."""
    panels = {f"p{number}": panel for number, panel in enumerate(context["panels"])}
    if context["comparison"]:
        panels["all"] = context["comparison"]
    for prefix, panel in panels.items():
        for chart in panel.charts.values():
            yield (
                f"{prefix}-{chart.name}",
                [{"kind": view.kind} | view.data for view in chart.views],
            )


@functools.cache
def _environment():
    try:
        import jinja2
    except ImportError as error:
        raise ImportError(
            "A report needs Jinja2: pip install 'keras-refcal[report]'"
        ) from error
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["shown"] = shown
    environment.filters["json_in_html"] = _json_in_html
    environment.tests["cell"] = lambda value: isinstance(value, Cell)
    return environment


def _json_in_html(text):
    import markupsafe

    # A name that holds `</script>` must not end the element.
    escaped = text.replace("<", "\\u003c").replace(">", "\\u003e")
    return markupsafe.Markup(escaped.replace("&", "\\u0026"))
