"""Several metrics in one pass over each batch."""

from typing import Any

from keras_refcal.metrics.base import ClassifierMetric
from keras_refcal.registration import serializable

# What metrics that are counted together must agree on.
FORMS = ("from_logits", "ignore_class", "multi_label")


@serializable
class MetricCollection(ClassifierMetric):
    """Several metrics of this package that count in common what they count alike.

    Each batch is checked, and brought into probabilities, once; metrics with equal bins
    share them. So `ExpectedCalibrationError`, `MaximumCalibrationError` and
    `OverconfidenceError` together cost what one costs, and so do all that rank by
    confidence. The result is a mapping of each metric's name to its figure, as if the
    metrics were compiled one by one, NaN where one of them is undefined.

    Args:
        metrics: Metrics of this package except `GroupedMetric` and `MetricCollection`,
            with distinct names and the same `from_logits`, `ignore_class` and
            `multi_label`. Their own state stays unused.
        num_classes: Number of classes, see `ClassifierMetric`; `None` leaves it to the
            first batch.
        name: Optional name of the metric.
        dtype: As in `keras.metrics.Metric`; float32 at least.

    Raises:
        ValueError: If the metrics cannot be counted together.

    Example:

    >>> import numpy as np
    >>> from keras_refcal import metrics
    >>> metric = metrics.MetricCollection(
    ...     [
    ...         metrics.ExpectedCalibrationError(num_bins=10, name="ece"),
    ...         metrics.MaximumCalibrationError(num_bins=10, name="mce"),
    ...     ]
    ... )
    >>> metric.update_state(np.array([1, 0]), np.array([[0.1, 0.9], [0.4, 0.6]]))
    >>> {name: round(float(value), 2) for name, value in metric.result().items()}
    {'ece': 0.35, 'mce': 0.6}
    """

    value_range = None
    distance = "those of the metrics"

    def __init__(
        self,
        metrics: Any,
        num_classes: int | None = None,
        name: str | None = "metric_collection",
        dtype: Any = None,
    ):
        _check(metrics)
        forms = {form: getattr(metrics[0], form) for form in FORMS}
        super().__init__(num_classes=num_classes, name=name, dtype=dtype, **forms)
        # In a function, so that Keras does not track the unused state of the metrics.
        members = tuple(metrics)
        self._members = lambda: members
        kinds = {}
        for metric in members:
            for kind in _kinds(metric).values():
                kinds.setdefault(kind, f"counter_{len(kinds)}")
        self._names = lambda: kinds
        self.count(**{name: kind for kind, name in kinds.items()})

    @property
    def metrics(self) -> Any:
        """The metrics."""
        return list(self._members())

    def score(self, **counters: Any) -> Any:
        """Returns the figure of each metric by name."""
        return self._collect(lambda m: m.score(**self._of(m, counters)))

    def undefined(self) -> Any:
        """Returns the result before any sample."""
        return self._collect(lambda metric: metric.undefined())

    def _distance(self, **counters):
        return self._collect(lambda m: m._distance(**self._of(m, counters)))

    def _of(self, metric, counters):
        """Returns the counters of one metric, by its own names."""
        names = self._names()
        return {name: counters[names[kind]] for name, kind in _kinds(metric).items()}

    def _collect(self, result_of):
        results = {}
        for metric in self._members():
            result = result_of(metric)
            named = result if isinstance(result, dict) else {metric.name: result}
            results.update(named)
        return results


def _kinds(metric):
    """Returns what a metric counts, by name, beside the rows it rejects."""
    return {k: v for k, v in metric._kinds.items() if k != "rejected"}


def _check(metrics):
    plain = metrics and all(isinstance(m, ClassifierMetric) for m in metrics)
    if not plain or any(isinstance(m, MetricCollection) for m in metrics):
        raise ValueError(
            "`metrics` must be one or more metrics of this package, none of them a "
            f"GroupedMetric or MetricCollection. Received: {metrics!r}"
        )
    forms = [tuple(getattr(m, form) for form in FORMS) for m in metrics]
    if len({m.name for m in metrics}) < len(metrics) or len(set(forms)) > 1:
        raise ValueError(
            "`metrics` must have distinct names and the same `from_logits`, "
            "`ignore_class` and `multi_label`. Received: "
            f"{[(m.name, *form) for m, form in zip(metrics, forms, strict=True)]}"
        )
