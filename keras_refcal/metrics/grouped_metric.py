"""Any metric, once for each group of classes."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_refcal.backend import concrete_value, double_precision

# Keras has no public name for it. Inside, PyTorch builds models from made-up values.
from keras_refcal.backend.keras_internals import in_stateless_scope
from keras_refcal.metrics.batch import flat_weight
from keras_refcal.metrics.labels import (
    as_weights,
    check_labels,
    known_ids,
)
from keras_refcal.metrics.report import report
from keras_refcal.metrics.rows import as_counted
from keras_refcal.ops import compensated_sum, counting_in_keras
from keras_refcal.ops.class_groups import checked_groups, named_groups
from keras_refcal.registration import Configured, serializable
from keras_refcal.types import Tensor


@serializable
class GroupedMetric(Configured, keras.metrics.Metric):
    """A metric of the samples of many-, medium- and few-shot classes, each group alone.

    A sample is in the group of its label; in the others it has weight 0. The result
    is a mapping of `name + "_" + group` to the metric's result, NaN for a group
    without samples. The state is one copy of the metric's for each group.

    Args:
        metric: A `keras.metrics.Metric` that takes `sample_weight`; its configuration
            is copied for each group.
        class_counts: Training samples of each class, shape `(num_classes,)`.
        groups: `"shots"`, `"thirds"` or a mapping of names to lists of class ids; see
            `ShotAccuracy`.
        many: A many-shot class has more training samples than this.
        few: A few-shot class has fewer training samples than this.
        name: Optional name; that of `metric` by default.
        dtype: As in `keras.metrics.Metric`; each copy has that of `metric`.

    Raises:
        ValueError: If `metric` is no metric, or counts or groups do not fit.

    Example:

    >>> import numpy as np
    >>> from keras_refcal.metrics import ExpectedCalibrationError, GroupedMetric
    >>> metric = GroupedMetric(ExpectedCalibrationError(name="ece"), [500, 5])
    >>> metric.update_state(np.array([1, 0]), np.array([[0.1, 0.9], [0.4, 0.6]]))
    >>> {name: round(float(value), 2) for name, value in metric.result().items()}
    {'ece_many': 0.6, 'ece_medium': nan, 'ece_few': 0.1}
    """

    value_range = None
    distance = "that of the metric"

    def __init__(
        self,
        metric: keras.metrics.Metric,
        class_counts: Tensor,
        groups: str | Mapping = "shots",
        many: float = 100,
        few: float = 20,
        name: str | None = None,
        dtype: Any = None,
    ):
        if not isinstance(metric, keras.metrics.Metric):
            raise ValueError(
                f"`metric` must be a `keras.metrics.Metric`. Received: {metric!r}"
            )
        super().__init__(name=name or metric.name, dtype=dtype)
        if getattr(metric, "multi_label", False):
            raise ValueError(
                "`metric` must not have `multi_label=True`: a sample of several labels "
                "is in no one group of classes."
            )
        self._ignore_class = getattr(metric, "ignore_class", None)
        members = named_groups(class_counts, groups, many, few)
        self.class_counts = tuple(np.asarray(class_counts, "float64").tolist())
        self.groups = checked_groups(groups)
        self.many = many
        self.few = few
        self._metric_config = keras.saving.serialize_keras_object(metric)
        self._members = np.stack(list(members.values())).astype("float32")
        self._copies = [self._copy(metric, group) for group in members]
        self._weights = self.add_variable(
            (2, len(members) + 4), "zeros", dtype="float32", name="weights"
        )

    @property
    def metric(self) -> Any:
        """A metric such as was given, without state."""
        return keras.saving.deserialize_keras_object(self._metric_config)

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        """Counts a batch in the group of each sample's label.

        Args:
            y_true: Class ids, shape `(batch,)` or `(batch, 1)`, or one-hot rows
                `(batch, num_classes)`.
            y_pred: What the metric takes.
            sample_weight: Optional, shape `(batch,)`; weight 0 equals absence.

        Raises:
            ValueError: If the shape of labels does not fit `class_counts`.
        """
        y_true, y_pred, sample_weight = as_counted(
            y_true, y_pred, sample_weight, self._ignore_class
        )
        check_labels(y_true, len(self.class_counts))
        with double_precision():
            inside, rejected = self._inside(y_true, sample_weight)
            total = ops.concatenate([ops.sum(inside, axis=1), rejected])
            state = compensated_sum.add(self._weights.value, total)
            self._weights.assign(state)
            inside = ops.cast(inside, "float32")
        for index, copy in enumerate(self._copies):
            copy.update_state(y_true, y_pred, sample_weight=inside[index])

    def result(self) -> Any:
        """Returns the metric of each group by name."""
        with double_precision():
            weights = compensated_sum.value(self._weights.value)
            groups = len(self._copies)
            empty = ops.unstack(weights[:groups] == 0)
            rejected = concrete_value(weights[groups:])
        if rejected is not None and not in_stateless_scope():
            report(self.name, rejected, len(self.class_counts))
        results = {}
        for copy, nothing in zip(self._copies, empty, strict=True):
            values = copy.result()
            values = values if isinstance(values, dict) else {copy.name: values}
            for name, value in values.items():
                own = name.startswith(copy.name)
                name = name if own else f"{copy.name}_{name}"
                results[name] = ops.where(nothing, float("nan"), value)
        return results

    def state_size(self, num_classes: int | None = None) -> int:
        """Returns the bytes of the state of a metric that has `state_size`."""
        copies = sum(copy.state_size(num_classes) for copy in self._copies)
        return copies + 2 * 4 * (len(self._copies) + 4)

    def merge_state(self, metrics: Any) -> None:
        """Adds what metrics of the same configuration have counted.

        Args:
            metrics: Metrics of this class around metrics that have `merge_state`.
        """
        for other in metrics:
            if type(other) is not type(self) or _settings(other) != _settings(self):
                raise ValueError(
                    "`metrics` must be grouped metrics of the same configuration. "
                    f"Received: {other!r}"
                )
            for copy, its in zip(self._copies, other._copies, strict=True):
                copy.merge_state([its])
            with double_precision():
                merged = compensated_sum.merge(
                    self._weights.value, other._weights.value
                )
                self._weights.assign(merged)

    def _inside(self, y_true, sample_weight):
        """Returns each row's weight by group, `(groups, B)`, and the weight rejected.

        What has no label, and what has no weight, is in no group.
        """
        labels, known = known_ids(y_true, len(self.class_counts), counting_in_keras)
        weight = ops.cast(ops.ones_like(labels), "float64")
        if sample_weight is not None:
            sample_weight = as_weights(sample_weight, y_true.shape[0])
            weight = weight * flat_weight(sample_weight, counting_in_keras)
        fit = ops.logical_and(weight >= 0, weight < float("inf"))
        weight = ops.where(fit, weight, 0.0)
        unlabelled = ops.sum(ops.where(known, 0.0, weight))
        unweighted = ops.sum(1 - ops.cast(fit, "float64"))
        nothing = ops.zeros_like(unlabelled)
        inside = ops.take(self._members, labels, axis=1)
        inside = ops.where(known, ops.cast(inside, "float64") * weight, 0.0)
        return inside, ops.stack([nothing, nothing, unlabelled, unweighted])

    def _copy(self, metric, group):
        config = {**metric.get_config(), "name": f"{self.name}_{group}"}
        return type(metric).from_config(config)


def _settings(metric):
    """Returns the configuration without what does not change the figure."""
    config = metric.get_config()
    inner = {**config["metric"]["config"], "name": None}
    return {**config, "name": None, "metric": (config["metric"]["class_name"], inner)}
