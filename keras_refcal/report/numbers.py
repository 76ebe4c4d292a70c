"""What a page says, as values for a program."""

from typing import Any

from keras_refcal.report.comparison import differences
from keras_refcal.report.naming import distinct_entries, distinct_runs
from keras_refcal.report.scores import judge


def all_scores(runs: Any, settings: Any) -> dict:
    """Returns the figures of every classifier, and differences between them.

    Args:
        runs: One `Run` or several, see `read_run`.
        settings: A `ReportSettings`.

    Returns:
        `classifiers`: for each label its `source`, its `scores` and, of several
        seeds, `over_seeds`. `differences`: for each label but the first, and each
        figure, the `difference` to the first with `low` and `high`; empty for one
        classifier, other test labels or no bootstrap. `conventions`: what the figures
        depend on.
    """
    entries = distinct_entries(distinct_runs(runs))
    return {
        "classifiers": {
            entry.label: {
                "source": entry.source,
                "scores": judge(entry.saved, settings),
                "over_seeds": entry.over_seeds,
            }
            for entry in entries
        },
        "differences": differences(entries, settings),
        "conventions": dict(settings.described(entries[0].saved)),
    }
