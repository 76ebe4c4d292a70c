"""The one decorator that makes a class loadable from a `.keras` file."""

import keras

serializable = keras.saving.register_keras_serializable(package="keras_refcal")
