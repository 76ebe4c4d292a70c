"""RefCal with all three terms in one fit, on long-tailed digits: JAX, from arrays."""

import os

os.environ["KERAS_BACKEND"] = "jax"

import keras

from keras_refcal import RefCalModel, data, evaluation, losses, metrics, models

keras.utils.set_random_seed(0)
digits = data.load("digits")
chosen = data.long_tail_indices(digits.train_labels, 10, imbalance_factor=0.1)
images = data.scaled(digits.train_images[chosen])
labels = digits.train_labels[chosen]

model = RefCalModel(models.encoders.small_cnn((8, 8, 1)), num_classes=10)
model.compile(
    keras.optimizers.SGD(0.1, momentum=0.9),
    loss=losses.RefCalLoss(),
    metrics=["accuracy", metrics.ExpectedCalibrationError()],
)
model.fit(images, labels, batch_size=64, epochs=30, verbose=2)

probabilities = model.predict(data.scaled(digits.test_images), verbose=0)
scores = evaluation.evaluate(digits.test_labels, probabilities)
print(f"accuracy {scores['accuracy']:.4f}")
print(f"refinement {scores['refinement']:.4f}")
print(f"ECE {scores['ece']:.4f}")
