"""Expected calibration error beside accuracy, in any Keras model on any backend."""

import keras

from keras_refcal import data
from keras_refcal.metrics import ExpectedCalibrationError

keras.utils.set_random_seed(0)
digits = data.load("digits")
model = keras.Sequential(
    [
        keras.Input((8, 8, 1)),
        keras.layers.Flatten(),
        keras.layers.Dense(64, activation="relu"),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.compile(
    optimizer="adam",
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy", ExpectedCalibrationError()],
)
model.fit(
    data.scaled(digits.train_images),
    digits.train_labels,
    validation_data=(data.scaled(digits.test_images), digits.test_labels),
    epochs=10,
    verbose=2,
)
