"""An image and a row of numbers together: a functional encoder of two inputs."""

import keras
import numpy as np

from keras_refcal import RefCalModel, data
from keras_refcal.layers import TemperatureScaling
from keras_refcal.losses import RefCalLoss

keras.utils.set_random_seed(0)
digits = data.load("digits")


def inputs_of(images):
    """Returns the upper half as an image, and what columns hold below it."""
    images = data.scaled(images)
    return images[:, :4], images[:, 4:].mean(axis=1)[..., 0]


x, x_test = inputs_of(digits.train_images), inputs_of(digits.test_images)
image, row = keras.Input(x[0].shape[1:]), keras.Input(x[1].shape[1:])
of_image = keras.layers.Conv2D(16, 3, padding="same", activation="relu")(image)
both = keras.layers.Concatenate()([keras.layers.Flatten()(of_image), row])
encoder = keras.Model((image, row), keras.layers.Dense(64, activation="relu")(both))

model = RefCalModel(encoder, num_classes=10, projection_dim=32)
model.compile(
    keras.optimizers.Adam(3e-3),
    loss=RefCalLoss(calibration_weight=1.0, refinement_weight=0.1),
)
model.fit(x, digits.train_labels, epochs=10, batch_size=64, verbose=0)

# Both inputs go through the calibrated model, which is saved as one file.
order = np.random.default_rng(0).permutation(len(digits.test_labels))
fit, judge = np.split(order, [len(order) // 2])
held_out = [tuple(part[rows] for part in x_test) for rows in (fit, judge)]
labels = digits.test_labels
layer = TemperatureScaling(from_logits=False)
layer.fit(labels[fit], model.predict(held_out[0], verbose=0))
calibrated = layer.attach(model)
probabilities = calibrated.predict(held_out[1], verbose=0)
accuracy = np.mean(probabilities.argmax(axis=1) == labels[judge])
print(f"temperature: {float(layer.temperature):.2f}  accuracy: {accuracy:.4f}")
