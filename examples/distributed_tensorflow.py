"""RefCal under `tf.distribute.MirroredStrategy`: build and compile in its scope.

Without accelerators, two virtual devices of the CPU show that it works.
"""

import os

os.environ["KERAS_BACKEND"] = "tensorflow"

import tensorflow as tf

names = [
    f"GPU:{number}" for number in range(len(tf.config.list_physical_devices("GPU")))
]
if not names:
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0],
        [tf.config.LogicalDeviceConfiguration()] * 2,
    )
    names = ["CPU:0", "CPU:1"]

import keras

from keras_refcal import RefCalModel, data, evaluation, losses, models

keras.utils.set_random_seed(0)
digits = data.load("digits").long_tailed(0.1)
with tf.distribute.MirroredStrategy(names).scope():
    model = RefCalModel(models.encoders.small_cnn((8, 8, 1), width=8), num_classes=10)
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), losses.RefCalLoss())
images, labels = data.scaled(digits.train_images), digits.train_labels
model.fit(images, labels, batch_size=54, epochs=40, verbose=0)

probabilities = model.predict(data.scaled(digits.test_images), verbose=0)
scores = evaluation.evaluate(digits.test_labels, probabilities)
print(f"{len(names)} devices, accuracy {scores['accuracy']:.4f}")
