"""Writes `docs/metrics.md` from the classes in `keras_refcal.metrics`.

Run `python docs/metrics_table.py` after a change; a test compares the two.
"""

import inspect
import pathlib

from keras_refcal import metrics

PATH = pathlib.Path(__file__).with_name("metrics.md")
HEAD = """# Streaming metrics

Written by `docs/metrics_table.py` from the classes; do not edit.

All are `keras.metrics.Metric`: pass them to `compile(metrics=[...])` on any backend.
The state is additive counters of fixed size, whatever the number of samples: replicas
add theirs and `merge_state` joins shards. A batch is summed in float64, and each sum is
kept in two float32 numbers, 47 bits, so the same rows give the same figure however they
are cut into batches, from one row at a time to millions in one update. Where replicas
add their states, each sum is rounded to float32 once, 6e-8 of it. `sample_weight`
counts in each, weight 0 equals absence, and what the data do not define is NaN.

Predictions that are NaN or infinite are left out and reported with a warning. Refused
are rows that are no probabilities, such as logits without `from_logits=True`; labels
that are no class: ids out of range, -1, fractions, soft rows, rows of several labels;
and weights that are negative, not finite, or too large to add up. Such rows are left
out and counted, and `result()` raises where values can be read: at once, or at the end
of an epoch of a compiled `fit`. For two classes one column will do, `(n,)` or `(n, 1)`,
with labels 0 and 1 in either shape or in rows `(n, 2)`.

Pixels and tokens, `(batch, ..., classes)`, are so many samples; `ignore_class` (255,
-1) and masks of Keras leave some out. `multi_label=True` reads `(n, labels)`
independent probabilities against zeros and ones: the figure is the mean over labels of
that of two classes, and `label_scores()` are those of each label.

"Distance" is from what `keras_refcal.evaluation` computes of all predictions at once;
`distance_bound()` computes it from the counters, rounding included, and is never above
the width of the range. Scores are ranked by their log-odds, in fine bins that do not
saturate: with `from_logits=True`, `z_k - log sum of exp(z_j)` over the other classes,
so that logits times 200 are still told apart.

| Metric | What it measures | Range | State, 10 classes | 1000 classes | Distance |
|---|---|---|---|---|---|
"""
ARGUMENTS = {
    "class_counts": lambda num_classes: [500] * num_classes,
    "metric": lambda num_classes: metrics.ExpectedCalibrationError(),
    "metrics": lambda num_classes: [
        metrics.ExpectedCalibrationError(),
        metrics.CorrectnessAUROC(),
    ],
}


def table() -> str:
    """Returns the text of `metrics.md`."""
    return HEAD + "".join(map(_row, metrics.__all__))


def _row(name):
    kind = getattr(metrics, name)
    what = inspect.getdoc(kind).splitlines()[0].removesuffix(".")
    sizes = [_bytes(_make(kind, k).state_size(k)) for k in (10, 1000)]
    cells = [f"`{name}`", what.replace("|", "\\|"), _range(kind), *sizes, kind.distance]
    return f"| {' | '.join(cells)} |\n"


def _make(kind, num_classes):
    wanted = inspect.signature(kind.__init__).parameters
    return kind(**{k: v(num_classes) for k, v in ARGUMENTS.items() if k in wanted})


def _range(kind):
    if kind.value_range is None:
        return "that of the metric"
    low, high = kind.value_range
    return f"{low} to {high}"


def _bytes(size):
    power = min(len(str(size)) - 1, 8) // 3
    return f"{size / 1000**power:.3g} {('B', 'kB', 'MB')[power]}"


if __name__ == "__main__":
    PATH.write_text(table())
