"""What `keras_refcal.backend` asks of JAX."""

from keras.ops import searchsorted

from keras_refcal.backend.jax.contrast import anchor_losses
from keras_refcal.backend.jax.counting import (
    as_double,
    assign,
    cumsum,
    double_precision,
    first_largest,
    float32_part,
    fused,
    sum_by_index,
)
from keras_refcal.backend.jax.draws import (
    fold_in,
    key_of_replica,
    split_key,
    uniform,
)
from keras_refcal.backend.jax.inference_mode import inference
from keras_refcal.backend.jax.replicas import (
    global_batch,
    num_replicas,
    sum_over_processes,
)
from keras_refcal.backend.jax.train_step import (
    TrainStep,
    concrete_value,
    keep_programs,
    on_device,
)
from keras_refcal.backend.l2_normalize import l2_normalized_rows

__all__ = [
    "TrainStep",
    "anchor_losses",
    "as_double",
    "assign",
    "concrete_value",
    "cumsum",
    "double_precision",
    "first_largest",
    "float32_part",
    "fold_in",
    "fused",
    "global_batch",
    "inference",
    "keep_programs",
    "key_of_replica",
    "l2_normalized_rows",
    "num_replicas",
    "on_device",
    "searchsorted",
    "split_key",
    "sum_by_index",
    "sum_over_processes",
    "uniform",
]
