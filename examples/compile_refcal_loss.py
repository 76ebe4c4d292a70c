"""RefCal's loss in a plain Keras model, on any backend: one line changes."""

import keras

from keras_refcal import data, evaluation
from keras_refcal.losses import RefCalLoss

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
model.compile(optimizer="adam", loss=RefCalLoss(), metrics=["accuracy"])
model.fit(
    data.scaled(digits.train_images),
    digits.train_labels,
    batch_size=128,
    epochs=20,
    verbose=2,
)
probabilities = model.predict(data.scaled(digits.test_images), verbose=0)
scores = evaluation.evaluate(digits.test_labels, probabilities)
print(f"accuracy {scores['accuracy']:.4f}")
print(f"refinement {scores['refinement']:.4f}")
print(f"ECE {scores['ece']:.4f}")
