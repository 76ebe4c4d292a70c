"""What every streaming metric of this package shares: state, weights, bad rows."""

import functools
import math
import warnings

import keras
from keras import ops

# Keras has no public name for it. Inside, PyTorch builds models from made-up values.
from keras.src.backend import in_stateless_scope

from keras_refcal.backend import concrete_value, fused
from keras_refcal.metrics.batch import Batch, check_shapes, num_classes
from keras_refcal.metrics.counters import Rejected
from keras_refcal.ops import accumulate


class ClassifierMetric(keras.metrics.Metric):
    """A figure of a classifier from additive counters of fixed size.

    Subclasses hand their counters to `count` at the end of `__init__` and compute the
    figure from them in `figure`.

    All counters are sums in one variable, so replicas and hosts add theirs and
    `merge_state` is exact up to float32 rounding of the result. Beside each sum stands
    what float32 rounding took from it, so single samples still count far above
    16.7 million of them.

    Rows that cannot be judged are left out of the figure and counted: `result` warns
    about predictions that are NaN or infinite, and raises for rows that are no
    probabilities (logits, say) or labels that are no class. It does so where values
    can be read: at once, or at the end of an epoch of a compiled `fit`.

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
                `(batch, num_classes)`; of other rows the largest entry is the label.
            y_pred: Shape `(batch, num_classes)`; for two classes also class 1 alone,
                shape `(batch,)` or `(batch, 1)`.
            sample_weight: Optional, shape `(batch,)`; weight 0 equals absence.

        Raises:
            ValueError: If shapes do not fit.
        """
        y_true, y_pred = map(ops.convert_to_tensor, (y_true, y_pred))
        if sample_weight is not None:
            sample_weight = ops.convert_to_tensor(sample_weight)
        check_shapes(y_true, y_pred)
        self._check_classes(num_classes(y_pred))
        kinds = tuple(self._kinds.values())
        columns = (tuple(y_true.shape[1:]), tuple(y_pred.shape[1:]))
        advance = _advance(kinds, self.from_logits, self.dtype, columns)
        state = self._state.value
        self._state.assign(advance(state, y_true, y_pred, sample_weight))

    def result(self):
        """Returns the figure, NaN while it is undefined."""
        if self._state is None:
            return self.undefined()
        counters = self.counters()
        self._report(counters.pop("rejected"))
        return self.figure(**counters)

    def counters(self):
        """Returns the value of each kind of counter, by name."""
        return self._split(accumulate.value(self._state))

    def figure(self, **counters):
        """Returns the figure, a scalar, from the value of each counter by name."""
        raise NotImplementedError

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
            state = ops.convert_to_tensor(other._state)
            self._state.assign(accumulate.merge(self._state, state))

    def state_size(self, num_classes=None):
        """Returns the bytes of the state, for a number of classes where it matters."""
        sizes = self._sizes(self.num_classes or num_classes).values()
        return 2 * sum(sizes) * (8 if self.dtype == "float64" else 4)

    def get_config(self):
        """Returns the constructor's arguments."""
        return {**super().get_config(), "from_logits": self.from_logits}

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

    def _report(self, rejected):
        if in_stateless_scope():
            return
        rejected = concrete_value(rejected)
        if rejected is None:
            return
        lost, improper = rejected.tolist()
        if improper:
            raise ValueError(
                f"`{self.name}` was given samples of weight {improper:g} whose "
                "probabilities are below 0 or do not sum to 1, or whose label is no "
                "class. If `y_pred` holds logits, set `from_logits=True`."
            )
        if lost:
            warnings.warn(
                f"`{self.name}` left out predictions of weight {lost:g} that "
                "are NaN or infinite.",
                RuntimeWarning,
                stacklevel=3,
            )


@functools.lru_cache(maxsize=256)
def _advance(kinds, from_logits, dtype, columns):
    """Returns the function that adds a batch to the state of some counters.

    Metrics that count alike share it, and what the backend compiled of it. `columns`,
    the shapes of labels and predictions after the batch axis, keeps apart what
    TensorFlow would otherwise merge into one function of unknown shapes.
    """

    def advance(state, y_true, y_pred, sample_weight):
        batch = Batch(y_true, y_pred, sample_weight, from_logits, dtype)
        xp = batch.xp
        increments = [xp.reshape(kind.count(batch), (-1,)) for kind in kinds]
        return accumulate.accumulate(state, xp.concatenate(increments), xp)

    return fused(advance)


def _settings(metric):
    """Returns the configuration without what does not change the figure."""
    ignored = ("name", "dtype", "num_classes")
    return {k: v for k, v in metric.get_config().items() if k not in ignored}
