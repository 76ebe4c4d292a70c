"""The report: one self-contained HTML file about one classifier or several."""

from keras_refcal.evaluation.predictions_file import SavedPredictions, read_predictions
from keras_refcal.evaluation.report.pages import (
    render_comparison,
    render_report,
    write_page,
)
from keras_refcal.evaluation.report.runs import Entry, Run, read_run
from keras_refcal.evaluation.report.settings import ReportSettings

__all__ = [
    "Entry",
    "ReportSettings",
    "Run",
    "SavedPredictions",
    "read_predictions",
    "read_run",
    "render_comparison",
    "render_report",
    "write_page",
]
