"""What every streaming metric of this package shares: state, weights, bad rows."""

import functools
import math

import keras
import numpy as np
from keras import ops

from keras_refcal.backend import assign, concrete_value, double_precision, fused
from keras_refcal.backend.keras_internals import in_stateless_scope
from keras_refcal.metrics.batch import Batch, blocks, check_shapes, num_classes
from keras_refcal.metrics.counters import Rejected
from keras_refcal.metrics.labels import as_tensor, as_weights
from keras_refcal.metrics.report import report
from keras_refcal.ops import compensated_sum
from keras_refcal.registration import Configured

# What is left between a figure and the exact one where nothing is binned: the rounding
# of the result, relative, and that of sums of 47 bits over a hundred thousand batches.
RELATIVE_ROUNDING, ROUNDING = 1e-7, 1e-9


class ClassifierMetric(Configured, keras.metrics.Metric):
    """A figure of a classifier from additive counters of fixed size.

    Subclasses hand their counters to `count` at the end of `__init__` and compute the
    figure from them in `figure`.

    All counters are sums in one variable, so replicas and hosts add theirs and
    `merge_state` is exact up to float32 rounding of the result. A batch is summed in
    float64, and beside each sum stands what float32 rounding took from it: however the
    rows are cut into batches, the figure is the same to float32 rounding.

    Rows that cannot be judged are left out of the figure and counted: `result` warns
    about predictions that are NaN or infinite, and raises for rows that are no
    probabilities (logits, say), labels that are no class and weights that are none.
    It does so where values can be read: at once, or at the end of an epoch of a
    compiled `fit`.

    Args:
        from_logits: Whether `y_pred` holds logits. If `False` it holds probabilities.
        num_classes: Number of classes, where the state depends on it. If `None` the
            first batch says it, as in Keras' own F1Score; only the stateless methods
            on JAX need it beforehand.
        name: Optional name of the metric.
        dtype: As in `keras.metrics.Metric`; float32 at least.
    """

    value_range = (0, 1)
    distance = "float32 rounding"

    def __init__(self, from_logits=False, num_classes=None, name=None, dtype=None):
        dtype = keras.dtype_policies.get(dtype or keras.config.floatx()).compute_dtype
        if dtype in ("float16", "bfloat16"):
            dtype = "float32"
        super().__init__(name=name, dtype=dtype)
        self.from_logits = from_logits
        self.num_classes = num_classes
        self._kinds = {}
        self._columns = None
        self._state = None

    def count(self, **kinds):
        """Sets which counters the figure needs, by name, and creates them."""
        self._kinds = {**kinds, "rejected": Rejected()}
        needs_classes = any(kind.per_class for kind in kinds.values())
        if self.num_classes is not None or not needs_classes:
            self._create_state(self.num_classes)

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Counts a batch.

        Args:
            y_true: Class ids, shape `(batch,)` or `(batch, 1)`, or one-hot rows
                `(batch, num_classes)`.
            y_pred: Shape `(batch, num_classes)`; for two classes also class 1 alone,
                shape `(batch,)` or `(batch, 1)`.
            sample_weight: Optional, finite numbers of 0 or more, shape `(batch,)`;
                weight 0 equals absence.

        Raises:
            ValueError: If shapes do not fit, or for complex numbers.
        """
        y_true, y_pred = as_tensor(y_true), ops.convert_to_tensor(y_pred)
        check_shapes(y_true, y_pred)
        sample_weight = as_weights(sample_weight, y_pred.shape[0])
        self._check_classes(num_classes(y_pred))
        kinds = tuple(self._kinds.values())
        columns = (tuple(y_true.shape[1:]), tuple(y_pred.shape[1:]))
        advance = _advance(kinds, self.from_logits, self.dtype, columns)
        state = advance(self._state.value, y_true, y_pred, sample_weight)
        assign(self._state, state)

    def result(self):
        """Returns the figure, NaN while it is undefined."""
        if self._state is None:
            return self.undefined()
        with double_precision():
            counters = self.counters()
            self._report(counters.pop("rejected"))
            figure = self.score(**counters)
            return keras.tree.map_structure(self._rounded, figure)

    def counters(self):
        """Returns the value of each kind of counter, by name, in float64."""
        return self._split(compensated_sum.value(self._state))

    def distance_bound(self):
        """Returns how far the figure can be from the exact one, by the counters.

        It covers fine bins and rounding, and is never above the width of the figure's
        range. NaN while the figure is undefined; a mapping where the figure is one.
        """
        if self._state is None:
            return float("nan")
        with double_precision():
            counters = self.counters()
            counters.pop("rejected")
            return self._distance(**counters)

    def bound(self, **counters):
        """Returns how far fine bins can move the figure, from the counters by name."""
        return 0.0

    def undefined(self):
        """Returns the result before any sample."""
        return ops.convert_to_tensor(float("nan"), self.dtype)

    def merge_state(self, metrics):
        """Adds what metrics of the same configuration have counted.

        Args:
            metrics: Metrics of this class, for example of other shards of a data set.

        Raises:
            ValueError: If the configurations differ.
        """
        for other in metrics:
            if type(other) is not type(self) or _settings(other) != _settings(self):
                raise ValueError(
                    f"`metrics` must be {type(self).__name__} metrics of the same "
                    f"configuration, {_settings(self)}. Received: {other!r}"
                )
            if other._state is None:
                continue
            if self._state is None:
                self._create_state(other.num_classes)
            with double_precision():
                merged = compensated_sum.merge(self._state.value, other._state.value)
                self._state.assign(merged)

    def state_size(self, num_classes=None):
        """Returns the bytes of the state, for a number of classes where it matters."""
        sizes = self._sizes(self.num_classes or num_classes).values()
        return 2 * sum(sizes) * (8 if self.dtype == "float64" else 4)

    def _sizes(self, num_classes):
        return {
            name: math.prod(kind.shape(num_classes))
            for name, kind in self._kinds.items()
        }

    def _create_state(self, num_classes):
        self.num_classes = num_classes
        size = sum(self._sizes(num_classes).values())
        self._state = self.add_variable(
            (2, size), "zeros", dtype=self.dtype, name="counters"
        )

    def _check_classes(self, given):
        if self._columns != given:
            self._columns = given
        if self._state is None:
            self._create_state(given)
        if self.num_classes not in (None, given):
            raise ValueError(
                f"`y_pred` must have {self.num_classes} classes, as `num_classes` or "
                f"the first batch said. Received: {given}"
            )

    def _split(self, flat):
        values, start = {}, 0
        for name, size in self._sizes(self.num_classes).items():
            shape = self._kinds[name].shape(self.num_classes)
            values[name] = ops.reshape(flat[start : start + size], shape)
            start += size
        return values

    def _distance(self, **counters):
        bound, (low, high) = float(self.bound(**counters)), self.value_range

        def distance(figure):
            rounding = RELATIVE_ROUNDING * abs(float(figure)) + ROUNDING
            return min(bound + rounding, high - low)

        return keras.tree.map_structure(distance, self.score(**counters))

    def _rounded(self, figure):
        """Returns a figure in the metric's type, NaN if a sum overflowed."""
        return ops.cast(ops.where(self._is_finite(), figure, float("nan")), self.dtype)

    def _is_finite(self):
        """Returns whether no sum overflowed, those of squared weights aside."""
        needed = []
        for name, size in self._sizes(self.num_classes).items():
            needed.append(np.arange(size) < size - self._kinds[name].squares())
        finite = ops.isfinite(self._state.value)
        return ops.all(ops.logical_or(finite, ~np.concatenate(needed)))

    def _report(self, rejected):
        if in_stateless_scope():
            return
        rejected = concrete_value(rejected)
        if rejected is not None:
            finite = bool(concrete_value(self._is_finite()))
            report(self.name, rejected, self._columns, finite)


@functools.lru_cache(maxsize=256)
def _advance(kinds, from_logits, dtype, columns):
    """Returns the function that adds a batch to the state of some counters.

    Metrics that count alike share it, and what the backend compiled of it. `columns`,
    the shapes of labels and predictions after the batch axis, keeps apart what
    TensorFlow would otherwise merge into one function of unknown shapes.
    """

    def advance(state, *rows):
        with double_precision():
            for block in blocks(*rows):
                batch = Batch(*block, from_logits, dtype)
                xp = batch.xp
                increments = [xp.reshape(kind.count(batch), (-1,)) for kind in kinds]
                increment = xp.concatenate(increments)
                state = compensated_sum.add(state, increment, xp)
            return state

    return fused(advance)


def _settings(metric):
    """Returns the configuration without what does not change the figure."""
    ignored = ("name", "dtype", "num_classes")
    return {k: v for k, v in metric.get_config().items() if k not in ignored}
