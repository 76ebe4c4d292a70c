"""The only place that asks which backend runs.

`NAME` is the running backend. `TrainStep` is its training and test step, a plain mixin
for `keras.Model`. `concrete_value(x)` is the NumPy value of `x`, or `None` while a
function is being traced or where reading the value would stall an accelerator.
`sum_by_index(values, index, size)` adds up rows by index; `fused(function)` makes one
call of many operations, also where they would run one by one. `global_batch(values)`
brings the rows of all replicas together, `num_replicas()` counts them, and
`sum_over_processes(variables)` adds up the state of metrics.
`log_sum_exp_of_others` is the quadratic part of contrastive losses, in small memory;
blocks of `BLOCK_SIZE` rows are its quickest.
"""

import keras

NAME = keras.backend.backend()

if NAME == "tensorflow":
    from keras_refcal.backend.strips import BLOCK_SIZE
    from keras_refcal.backend.tensorflow_counting import fused, sum_by_index
    from keras_refcal.backend.tensorflow_log_sum_exp import log_sum_exp_of_others
    from keras_refcal.backend.tensorflow_replicas import (
        global_batch,
        num_replicas,
        sum_over_processes,
    )
    from keras_refcal.backend.tensorflow_step import TrainStep, concrete_value
elif NAME == "jax":
    from keras_refcal.backend.jax_counting import fused, sum_by_index
    from keras_refcal.backend.jax_log_sum_exp import log_sum_exp_of_others
    from keras_refcal.backend.jax_replicas import (
        global_batch,
        num_replicas,
        sum_over_processes,
    )
    from keras_refcal.backend.jax_step import TrainStep, concrete_value
    from keras_refcal.backend.strips import BLOCK_SIZE
elif NAME == "torch":
    from keras_refcal.backend.torch_counting import fused, sum_by_index
    from keras_refcal.backend.torch_log_sum_exp import BLOCK_SIZE, log_sum_exp_of_others
    from keras_refcal.backend.torch_replicas import (
        global_batch,
        num_replicas,
        sum_over_processes,
    )
    from keras_refcal.backend.torch_step import TrainStep, concrete_value
else:
    raise ImportError(
        "keras_refcal runs on the Keras backends 'tensorflow', 'jax' and 'torch'. "
        f"Received: KERAS_BACKEND={NAME!r}"
    )

__all__ = [
    "BLOCK_SIZE",
    "NAME",
    "TrainStep",
    "concrete_value",
    "fused",
    "global_batch",
    "log_sum_exp_of_others",
    "num_replicas",
    "sum_by_index",
    "sum_over_processes",
]
