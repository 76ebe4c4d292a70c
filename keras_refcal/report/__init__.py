"""Pictures, and one self-contained HTML file about one classifier or several."""

from keras_refcal.predictions.files import SavedPredictions, read_predictions
from keras_refcal.report.comparison import check_several
from keras_refcal.report.numbers import all_scores
from keras_refcal.report.pages import (
    render_comparison,
    render_report,
    write_page,
)
from keras_refcal.report.plots import (
    plot_class_calibration,
    plot_confidence_histogram,
    plot_method_comparison,
    plot_reliabilities,
    plot_reliability,
    plot_risk_coverage,
    plot_training,
)
from keras_refcal.report.runs import (
    Entry,
    Run,
    files_read,
    read_run,
    read_runs,
)
from keras_refcal.report.settings import ReportSettings

__all__ = [
    "Entry",
    "ReportSettings",
    "Run",
    "SavedPredictions",
    "all_scores",
    "check_several",
    "files_read",
    "plot_class_calibration",
    "plot_confidence_histogram",
    "plot_method_comparison",
    "plot_reliabilities",
    "plot_reliability",
    "plot_risk_coverage",
    "plot_training",
    "read_predictions",
    "read_run",
    "read_runs",
    "render_comparison",
    "render_report",
    "write_page",
]
