"""What `keras_refcal.backend` asks of PyTorch."""

from keras.ops import searchsorted

from keras_refcal.backend.torch.contrast import anchor_losses
from keras_refcal.backend.torch.counting import (
    as_double,
    assign,
    cumsum,
    double_precision,
    first_largest,
    float32_part,
    fused,
    sum_by_index,
)
from keras_refcal.backend.torch.draws import (
    fold_in,
    key_of_replica,
    split_key,
    uniform,
)
from keras_refcal.backend.torch.inference_mode import inference
from keras_refcal.backend.torch.l2_normalize import l2_normalized_rows
from keras_refcal.backend.torch.replicas import (
    global_batch,
    num_replicas,
    sum_over_processes,
)
from keras_refcal.backend.torch.train_step import (
    TrainStep,
    concrete_value,
    keep_programs,
    on_device,
)

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
