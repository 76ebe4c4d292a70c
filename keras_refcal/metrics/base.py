"""What every streaming metric of this package shares: state, weights, bad rows."""

import functools
import math
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_refcal.backend import assign, concrete_value, double_precision, fused
from keras_refcal.backend.keras_internals import in_stateless_scope
from keras_refcal.metrics.batch import Batch, blocks, num_classes
from keras_refcal.metrics.counters import Rejected
from keras_refcal.metrics.report import report
from keras_refcal.metrics.rows import as_counted, counting, mean_of_defined, of_labels
from keras_refcal.ops import compensated_sum
from keras_refcal.registration import Configured
from keras_refcal.types import Tensor
from keras_refcal.validation import check_ignore_class

# What is left between a figure and the exact one where nothing is binned: the rounding
# of the result, relative, and that of sums of 47 bits over a hundred thousand batches.
RELATIVE_ROUNDING, ROUNDING = 1e-7, 1e-9


class ClassifierMetric(Configured, keras.metrics.Metric):
    """A figure of a classifier from additive counters of fixed size.

    Subclasses hand their counters to `count` at the end of `__init__` and compute the
    figure from them in `score`.

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
        num_classes: Number of classes, or of labels, where the state depends on it. If
            `None` the first batch says it, as in Keras' own F1Score; only the
            stateless methods on JAX need it beforehand.
        ignore_class: Label of the samples (pixels, tokens) to leave out, such as 255
            or -1; `None` leaves out none. With `multi_label`, of the single labels.
        multi_label: Whether `y_pred` holds independent probabilities of several
            labels, which need not sum to 1, and `y_true` a 0 or 1 for each. The
            figure is then the mean, over the labels for which it is defined, of that
            of two classes; `label_scores()` are those of each label.
        name: Optional name of the metric.
        dtype: As in `keras.metrics.Metric`; float32 at least.
    """

    value_range = (0, 1)
    distance = "float32 rounding"

    def __init__(
        self,
        from_logits: bool = False,
        num_classes: int | None = None,
        ignore_class: int | None = None,
        multi_label: bool = False,
        name: str | None = None,
        dtype: Any = None,
    ):
        dtype = keras.dtype_policies.get(dtype or keras.config.floatx()).compute_dtype
        if dtype in ("float16", "bfloat16"):
            dtype = "float32"
        super().__init__(name=name, dtype=dtype)
        check_ignore_class(ignore_class)
        self.from_logits = from_logits
        self.num_classes = num_classes
        self.ignore_class = ignore_class
        self.multi_label = multi_label
        self._kinds = {}
        self._columns = None
        self._state = None

    def count(self, **kinds: Any) -> Any:
        """Sets which counters the figure needs, by name, and creates them."""
        self._kinds = {**kinds, "rejected": Rejected()}
        per_class = any(kind.per_class for kind in kinds.values())
        needs_classes = per_class or self.multi_label
        if self.num_classes is not None or not needs_classes:
            self._create_state(self.num_classes)

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        """Counts a batch.

        A mask that Keras left on `y_pred` counts as weight 0.

        Args:
            y_true: Class ids, shape `(batch,)` or `(batch, 1)`, or one-hot rows
                `(batch, num_classes)`; with `multi_label`, zeros and ones,
                `(batch, num_classes)`.
            y_pred: Shape `(batch, num_classes)`; for two classes also class 1 alone,
                shape `(batch,)` or `(batch, 1)`. Pixels and tokens,
                `(batch, ..., num_classes)` or `(batch, ..., 1)`, are so many samples;
                labels and weights then have their leading shape.
            sample_weight: Optional, finite numbers of 0 or more, shape `(batch,)`;
                weight 0 equals absence.

        Raises:
            ValueError: If shapes do not fit, or for complex numbers.
        """
        y_true, y_pred, sample_weight = as_counted(
            y_true, y_pred, sample_weight, self.ignore_class, self.multi_label
        )
        self._check_classes(
            y_pred.shape[1] if self.multi_label else num_classes(y_pred)
        )
        columns = (tuple(y_true.shape[1:]), tuple(y_pred.shape[1:]))
        advance = _advance(
            tuple(self._kinds.values()),
            self.from_logits,
            self.dtype,
            self.multi_label,
            columns,
        )
        state = advance(self._state.value, y_true, y_pred, sample_weight)
        assign(self._state, state)

    def result(self) -> Any:
        """Returns the figure, NaN while it is undefined."""
        if self._state is None:
            return self.undefined()
        with double_precision():
            counters = self.counters()
            self._report(counters.pop("rejected"))
            score = self._score(counters)
            if self.multi_label:
                score = keras.tree.map_structure(mean_of_defined, score)
            return keras.tree.map_structure(self._rounded, score)

    def label_scores(self) -> Any:
        """Returns the figure of each label, a NumPy array of shape `(num_classes,)`.

        Raises:
            ValueError: Without `multi_label`, and before the first batch.
        """
        if not self.multi_label or self._state is None:
            raise ValueError(
                "`label_scores` needs `multi_label=True`, and a batch first."
            )
        with double_precision():
            counters = self.counters()
            counters.pop("rejected")
            score = self._score(counters)
            return keras.tree.map_structure(ops.convert_to_numpy, score)

    def counters(self) -> Any:
        """Returns the value of each kind of counter, by name, in float64."""
        return self._split(compensated_sum.value(self._state))

    def distance_bound(self) -> Any:
        """Returns how far the figure can be from the exact one, by the counters.

        It covers fine bins and rounding, and is never above the width of the figure's
        range. NaN while the figure is undefined; a mapping where the figure is one.
        """
        if self._state is None:
            return float("nan")
        with double_precision():
            counters = self.counters()
            counters.pop("rejected")
            if not self.multi_label:
                return self._distance(**counters)
            of_label = [
                self._distance(**{name: x[label] for name, x in counters.items()})
                for label in range(self.num_classes)
            ]
            return keras.tree.map_structure(_mean_of_bounds, *of_label)

    def bound(self, **counters: Any) -> Any:
        """Returns how far fine bins can move the figure, from the counters by name."""
        return 0.0

    def undefined(self) -> Any:
        """Returns the result before any sample."""
        return ops.convert_to_tensor(float("nan"), self.dtype)

    def merge_state(self, metrics: Any) -> None:
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

    def state_size(self, num_classes: int | None = None) -> int:
        """Returns the bytes of the state, for a number of classes where it matters."""
        size = self._size(self.num_classes or num_classes)
        return 2 * size * (8 if self.dtype == "float64" else 4)

    def _score(self, counters):
        """Returns the figure; with `multi_label` that of each label."""
        if not self.multi_label:
            return self.score(**counters)
        return ops.map(lambda of_label: self.score(**of_label), counters)

    def _sizes(self, num_classes):
        """Returns the number of counters of each kind; of one label if of several."""
        num_classes = 2 if self.multi_label else num_classes
        return {
            name: math.prod(kind.shape(num_classes))
            for name, kind in self._kinds.items()
        }

    def _size(self, num_classes):
        size = sum(self._sizes(num_classes).values())
        return size * num_classes if self.multi_label else size

    def _create_state(self, num_classes):
        self.num_classes = num_classes
        size = self._size(num_classes)
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
        num_classes, leading = self.num_classes, ()
        if self.multi_label:
            num_classes, leading = 2, (self.num_classes,)
            flat = ops.reshape(flat, (self.num_classes, -1))
        for name, size in self._sizes(num_classes).items():
            shape = leading + self._kinds[name].shape(num_classes)
            values[name] = ops.reshape(flat[..., start : start + size], shape)
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
        needed = np.concatenate(needed)
        finite = ops.isfinite(self._state.value)
        needed = np.tile(needed, finite.shape[1] // len(needed))
        return ops.all(ops.logical_or(finite, ~needed))

    def _report(self, rejected):
        if in_stateless_scope():
            return
        rejected = concrete_value(rejected)
        if rejected is not None:
            finite = bool(concrete_value(self._is_finite()))
            columns = self._columns
            if self.multi_label:
                rejected, columns = rejected.sum(axis=0), 2
            report(self.name, rejected, columns, finite)


@functools.lru_cache(maxsize=256)
def _advance(kinds, from_logits, dtype, multi_label, columns):
    """Returns the function that adds a batch to the state of some counters.

    Metrics that count alike share it, and what the backend compiled of it. `columns`,
    the shapes of labels and predictions after the batch axis, keeps apart what
    TensorFlow would otherwise merge into one function of unknown shapes.
    """

    def counted(*rows):
        batch = Batch(*rows, from_logits, dtype)
        parts = [batch.xp.reshape(kind.count(batch), (-1,)) for kind in kinds]
        return batch.xp.concatenate(parts)

    def advance(state, *rows):
        with double_precision():
            for block in blocks(*rows):
                increment = (
                    of_labels(counted, *block) if multi_label else counted(*block)
                )
                state = compensated_sum.add(state, increment, counting(block[1]))
            return state

    return fused(advance)


def _mean_of_bounds(*bounds):
    """Returns the mean of numbers, those that are NaN left out."""
    defined = [bound for bound in bounds if bound == bound]
    return sum(defined) / len(defined) if defined else float("nan")


def _settings(metric):
    """Returns the configuration without what does not change the figure."""
    ignored = ("name", "dtype", "num_classes")
    return {k: v for k, v in metric.get_config().items() if k not in ignored}
