"""What every streaming metric of this package shares: state, weights, bad rows."""

import warnings

import keras
from keras import ops

# Keras has no public name for it. Inside, PyTorch builds models from made-up values.
from keras.src.backend import in_stateless_scope

from keras_refcal.backend import concrete_value
from keras_refcal.metrics.batch import Batch
from keras_refcal.ops import accumulate


class ClassifierMetric(keras.metrics.Metric):
    """A figure of a classifier from additive counters of fixed size.

    Subclasses create counters with `add_counter` in `__init__`, return what a batch
    adds to each in `increments(batch)`, and compute the figure in `figure(counters)`.

    Counters are sums, so replicas and hosts add theirs and `merge_state` is exact to
    float32 rounding of the result. Each keeps what float32 rounding took from it, so
    it still counts single samples far above 16.7 million.

    Rows that cannot be judged are left out of the figure and counted: `result` warns
    about predictions that are NaN or infinite, and raises for rows that are no
    probabilities (logits, say) or labels that are no class. It does so where values
    can be read: at once, or at the end of an epoch of a compiled `fit`.

    Args:
        from_logits: Whether `y_pred` holds logits. If `False` it holds probabilities.
        name: Optional name of the metric.
        dtype: As in `keras.metrics.Metric`; float32 at least.
    """

    def __init__(self, from_logits=False, name=None, dtype=None):
        dtype = keras.dtype_policies.get(dtype or keras.config.floatx()).compute_dtype
        if dtype in ("float16", "bfloat16"):
            dtype = "float32"
        super().__init__(name=name, dtype=dtype)
        self.from_logits = from_logits
        self._counters = {}
        self.add_counter("rejected", (2,))

    def add_counter(self, name, shape):
        """Creates additive counters of a shape, all 0."""
        self._counters[name] = self.add_variable(
            (2, *shape), "zeros", dtype=self.dtype, name=name
        )

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
        batch = Batch(y_true, y_pred, sample_weight, self.from_logits, self.dtype)
        self._add({"rejected": batch.rejected, **self.increments(batch)})

    def result(self):
        """Returns the figure, NaN while it is undefined."""
        self._report_rejected()
        counters = {k: accumulate.value(v) for k, v in self._counters.items()}
        return self.figure(counters)

    def merge_state(self, metrics):
        """Adds what metrics of the same configuration have counted.

        Args:
            metrics: Metrics of this class, for example of other shards of a data set.

        Raises:
            ValueError: If the configurations differ.
        """
        for other in metrics:
            if type(other) is not type(self) or _figures(other) != _figures(self):
                raise ValueError(
                    f"`metrics` must be {type(self).__name__} metrics of the same "
                    f"configuration, {_figures(self)}. Received: {other!r} with "
                    f"{_figures(other)}"
                )
            for name, counter in self._counters.items():
                state = ops.convert_to_tensor(other._counters[name])
                counter.assign(accumulate.merge(counter, state))

    def increments(self, batch):
        """Returns what a `Batch` adds to each counter, by name."""
        raise NotImplementedError

    def figure(self, counters):
        """Returns the figure, a scalar, from the value of each counter by name."""
        raise NotImplementedError

    def get_config(self):
        """Returns the constructor's arguments."""
        return {**super().get_config(), "from_logits": self.from_logits}

    def _add(self, increments):
        for name, increment in increments.items():
            counter = self._counters[name]
            counter.assign(accumulate.accumulate(counter, increment))

    def _report_rejected(self):
        if in_stateless_scope():
            return
        rejected = concrete_value(accumulate.value(self._counters["rejected"]))
        if rejected is None:
            return
        not_finite, improper = rejected.tolist()
        if improper:
            raise ValueError(
                f"`{self.name}` was given samples of weight {improper:g} that are "
                "below 0 or do not sum to 1, or whose label is no class. If `y_pred` "
                "holds logits, set `from_logits=True`."
            )
        if not_finite:
            warnings.warn(
                f"`{self.name}` left out predictions of weight {not_finite:g} that "
                "are NaN or infinite.",
                RuntimeWarning,
                stacklevel=3,
            )


def _figures(metric):
    """Returns the configuration without what does not change the figure."""
    return {k: v for k, v in metric.get_config().items() if k not in ("name", "dtype")}
