"""The only place that asks which backend runs.

`NAME` is the running backend. `TrainStep` is its training and test step, a plain mixin
for `keras.Model`. `concrete_value(x)` is the NumPy value of `x`, or `None` while a
function is being traced or where reading the value would stall an accelerator.
`sum_by_index(values, index, size)` adds up rows by index, and `searchsorted` finds the
places of values among edges; `fused(function)` makes one call of many operations, also
where they would run one by one, and `assign(variable, value)` keeps its result. Inside
`double_precision()` float64 is computed with, on JAX too; `as_double` and
`float32_part` go there and back, and `cumsum` stays there.
`first_largest(rows)` is the column of the largest value, int32 of shape `(n,)`.
`global_batch(values)` brings the rows of all replicas together, `num_replicas()` counts
them, and `sum_over_processes(variables)` adds up the state of metrics.
`inference(layer)` is a function of arrays, in this process alone. `anchor_losses` is
the supervised contrastive loss of every row, in small memory, and
`l2_normalized_rows` makes these rows of embeddings. `uniform(key, shape)` draws from a
key, `split_key` and `fold_in` make keys of keys, and `key_of_replica` keeps the draws
of replicas apart. `on_device(array)` puts rows there that batches are chosen from.
`keep_programs(directory)` keeps compiled programs between runs.
"""

import keras

NAME = keras.backend.backend()

if NAME == "tensorflow":
    from keras_refcal.backend.tensorflow import *  # noqa: F403
elif NAME == "jax":
    from keras_refcal.backend.jax import *  # noqa: F403
elif NAME == "torch":
    from keras_refcal.backend.torch import *  # noqa: F403
else:
    raise ImportError(
        "keras_refcal runs on the Keras backends 'tensorflow', 'jax' and 'torch'. "
        f"Received: KERAS_BACKEND={NAME!r}"
    )
