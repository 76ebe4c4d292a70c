"""The only place that asks which backend runs.

`TrainStep` is the training and test step of the running backend, a plain mixin for
`keras.Model`. `concrete_value(x)` is the NumPy value of `x`, or `None` while a
function is being traced or where reading the value would stall an accelerator.
"""

import keras

if keras.backend.backend() == "tensorflow":
    from keras_refcal.backend.tensorflow_step import TrainStep, concrete_value
elif keras.backend.backend() == "jax":
    from keras_refcal.backend.jax_step import TrainStep, concrete_value
elif keras.backend.backend() == "torch":
    from keras_refcal.backend.torch_step import TrainStep, concrete_value
else:
    raise ImportError(
        "keras_refcal runs on the Keras backends 'tensorflow', 'jax' and 'torch'. "
        f"Received: KERAS_BACKEND={keras.backend.backend()!r}"
    )

__all__ = ["TrainStep", "concrete_value"]
